/** What the tc program tells of connections that it has opened: they become the engine's, which from then on has them as carried ones. */
import { emptyFlow, type Flow, writeFlowKey } from '../../ebpf/flow.js';
import { FLOW } from '../../ebpf/programs/flow-maps.js';
import { OPENED } from '../../ebpf/programs/opening-maps.js';
import { NO_CONN } from '../../engine/conn-table.js';
import type { Dest } from '../../engine/dest.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { connOpened } from '../../engine/opened.js';
import { emptyKey } from '../../engine/protocol.js';
import type { Service } from '../../engine/service.js';
import { AF_INET, inetFromWords } from '../../wire/inet.js';
import { ownerNumber, ownerOf } from './flows-of.js';
import type { FastMaps } from './maps.js';
import type { Openings } from './openings.js';
import { replyTurn, requestTurn } from './turn-flows.js';
import { NO_WAY, type Ways } from './ways.js';

/** Whoever keeps carried connections. */
export interface Keeper {
  /** The maps have flows of connection `c` by these ways; `NO_WAY` where answers do not come by here. */
  carry(c: number, requestWay: number, replyWay: number): void;
  /** As of `FastPath`. */
  withdraw(c: number): void;
}

/** Connections by the numbers that the program has given them. */
export class OpenedFlows {
  readonly #ipvs: NetnsIpvs;
  readonly #maps: FastMaps;
  readonly #ways: Ways;
  readonly #openings: Openings;
  readonly #keeper: Keeper;
  /** By the low bits of a number: which it was, 0 for none, and the owner that its flows would have had from the engine. */
  readonly #numbers: Uint32Array;
  readonly #owners: Uint32Array;
  readonly #key = emptyKey();
  readonly #flow: Flow = emptyFlow();

  constructor(ipvs: NetnsIpvs, maps: FastMaps, ways: Ways, openings: Openings, keeper: Keeper) {
    this.#ipvs = ipvs;
    this.#maps = maps;
    this.#ways = ways;
    this.#openings = openings;
    this.#keeper = keeper;
    const slots = 2 ** Math.ceil(Math.log2(ipvs.conns.limit));
    this.#numbers = new Uint32Array(slots);
    this.#owners = new Uint32Array(slots);
  }

  /** The connection that the program has given this number, or `NO_CONN` when it is over. */
  connOf(number: number): number {
    const slot = number & (this.#numbers.length - 1);
    return this.#numbers[slot] === number ? ownerOf(this.#ipvs, this.#owners[slot]!) : NO_CONN;
  }

  /** Remembers the number of a connection. What had a number of the same slot is the engine's again. */
  number(number: number, c: number): void {
    const slot = number & (this.#numbers.length - 1);
    const old = this.#numbers[slot] === 0 ? NO_CONN : ownerOf(this.#ipvs, this.#owners[slot]!);
    if (old !== NO_CONN && old !== c) this.#keeper.withdraw(old);
    this.#numbers[slot] = number;
    this.#owners[slot] = ownerNumber(this.#ipvs, c);
  }

  /** Remembers the number of a connection that an earlier daemon's program has opened. @returns false when it has a slot with another one */
  adopt(number: number, c: number): boolean {
    const slot = number & (this.#numbers.length - 1);
    if (this.#numbers[slot] !== 0) return false;
    this.number(number, c);
    this.#openings.skip(number);
    return true;
  }

  /**
   * Takes a connection over.
   * @param at where its record is among the reports. @param jiffies when it was opened.
   * @returns false when it is none of the engine's: its flows are gone then.
   */
  take(at: number, jiffies: number): boolean {
    const { data } = this.#maps.reports;
    const { owner, turn, taken, flags, replyWay, clientPort, client } = OPENED.fields;
    const turns = this.#openings.turnsOf(turn.get(data, at + turn.offset));
    // of a daemon before this one: its flows were taken over as they were
    if (turns === undefined) return false;
    turns.tell(taken.get(data, at + taken.offset) | 0);
    const { service } = turns;
    const dest = turns.dests[turn.get(data, at + turn.offset) - turns.first]!;
    const number = owner.get(data, at + owner.offset);
    const reply = replyWay.get(data, at + replyWay.offset);
    const key = this.#key;
    key.family = service.family;
    key.protocol = service.protocol;
    key.vaddr.set(service.addr.words);
    key.vport = service.port;
    key.cport = clientPort.get(data, at + clientPort.offset);
    for (let i = 0; i < 4; i++) key.caddr[i] = data.getInt32(at + client.offset + 4 * i);
    const request = this.#ways.numberOf(dest);
    const there = request !== NO_WAY && this.#ipvs.dests[dest.index] === dest && dest.available;
    const c = there
      ? connOpened(this.#ipvs, key, dest, flags.get(data, at + flags.offset), jiffies)
      : NO_CONN;
    if (c === NO_CONN) {
      this.#remove(service, dest, number);
      return false;
    }
    this.number(number, c);
    this.#keeper.carry(c, request, reply);
    if (reply !== NO_WAY && !this.#isRight(reply, at)) this.#keeper.withdraw(c);
    return true;
  }

  /** The way that the program has found to the client of the key leads there now. */
  #isRight(way: number, at: number): boolean {
    const { time } = OPENED.fields;
    if (this.#openings.isCurrent(time.get(this.#maps.reports.data, at + time.offset))) return true;
    const { caddr, family } = this.#key;
    return way === this.#ways.toClient(inetFromWords(family, caddr));
  }

  /** Removes the flows of a connection that the engine does not have, where they still are its own. */
  #remove(service: Service, dest: Dest, number: number): void {
    const { caddr, cport } = this.#key;
    requestTurn(service, dest, NO_WAY, this.#flow);
    this.#flow.source.set(caddr);
    this.#flow.sourcePort = cport;
    this.#removeFlow(number);
    if (!replyTurn(service, dest, NO_WAY, this.#flow)) return;
    this.#flow.destination.set(caddr);
    this.#flow.destinationPort = cport;
    this.#removeFlow(number);
  }

  #removeFlow(number: number): void {
    const map = this.#flow.family === AF_INET ? this.#maps.flows4 : this.#maps.flows6;
    writeFlowKey(map.key, 0, this.#flow);
    if (!map.lookup()) return;
    const { opened, owner } = FLOW.fields;
    if (opened.get(map.value, opened.offset) !== 0 && owner.get(map.value, owner.offset) === number)
      map.delete();
  }
}
