/** The connections that the kernel carries: a cache in BPF maps of what the engine's table has. */
import { emptyFlow, type Flow, writeFlow, writeFlowKey } from '../../ebpf/flow.js';
import { COUNTER, FLOW, FLOW_ACTIONS, REPORT, REPORT_DUE } from '../../ebpf/programs/flow-maps.js';
import { ACTION_OPENED } from '../../ebpf/programs/opening-maps.js';
import { packetCarried } from '../../engine/carried.js';
import { destOf } from '../../engine/conn.js';
import {
  C_CADDR,
  C_EXPIRES,
  C_FLAGS,
  C_INPKTS,
  C_STATE,
  C_TIMEOUT,
  HOT_SHIFT,
  NO_CONN,
} from '../../engine/conn-table.js';
import type { Dest } from '../../engine/dest.js';
import type { Carried, FastPath } from '../../engine/fast-path.js';
import {
  CONN_F_CARRIED,
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_NOT_CARRIED,
  IPPROTO_UDP,
} from '../../engine/flags.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { DIR_INPUT, DIR_OUTPUT } from '../../engine/protocol.js';
import type { Service } from '../../engine/service.js';
import { stateTimeout } from '../../engine/state-timeouts.js';
import { hasUntoldState } from '../../engine/sync/needed.js';
import { carriedStats } from '../../engine/traffic.js';
import { type BpfMap, MapBatch } from '../../linux/bpf-map.js';
import { AF_INET, inetFromWords } from '../../wire/inet.js';
import { adoptFlows, aliasOf } from './adopt.js';
import { Endings } from './endings.js';
import { counterOf, isCarriable, isOver, ownerOf, replyFlow, requestFlow } from './flows-of.js';
import type { FastMaps } from './maps.js';
import { monotonicNs } from './monotonic.js';
import type { NextHops } from './next-hops.js';
import { OpenedFlows } from './opened-flows.js';
import type { Openings } from './openings.js';
import { mayCarry, NOTHING_TOLD, numberRequest, sameTelling, type Telling, tellingOf } from './telling.js';
import { NO_WAY, type WayHost, Ways } from './ways.js';

/** Connections that wait to be installed; they go in with one system call for each family. */
const PENDING = 256;
/** Client packets after which a UDP connection is worth it: a question and its answer are not. */
const UDP_PACKETS = 2;
/** Connections without a way that are tried again when something changes, at most. */
const REFUSED = 65_536;

/** What became of connections. */
export interface FlowCacheCounters {
  /** Connections carried now. */
  carried: number;
  /** Connections that have come to be carried; */
  installed: number;
  /** of these, those that the tc program has opened by itself. */
  opened: number;
  /** Packets that were carried and may have changed a state. */
  reported: number;
  /** Connections for which there was no room in a map: the slow path has them. */
  mapFull: number;
  /** Packets that the tc program has carried, */
  tcPackets: number;
  /** and the XDP program; both as of the last {@link FlowCache.fold}. */
  xdpPackets: number;
}

/** Of a fast path that has carried nothing. */
export function noCounters(): FlowCacheCounters {
  return { carried: 0, installed: 0, opened: 0, reported: 0, mapFull: 0, tcPackets: 0, xdpPackets: 0 };
}

/** Flows of connections that are over. */
interface Removals {
  readonly map: BpfMap;
  readonly batch: MapBatch;
  /** Bytes. */
  readonly keySize: number;
  readonly ways: Uint16Array;
  count: number;
}

function removalsOf(map: BpfMap): Removals {
  const ways = new Uint16Array(PENDING);
  return { map, batch: new MapBatch(map, PENDING), keySize: map.keySize, ways, count: 0 };
}

/** {@link FastPath} over BPF maps. */
export class FlowCache implements FastPath {
  readonly counters = noCounters();
  readonly ways: Ways;
  readonly #ipvs: NetnsIpvs;
  readonly #maps: FastMaps;
  /** By connection: the ways of its flows, and the packets of its client's flow that are in `in_pkts` already. */
  readonly #requestWay: Uint16Array;
  readonly #replyWay: Uint16Array;
  readonly #counted: Uint32Array;
  /** What counters were when they were last read. */
  readonly #packets: Float64Array;
  readonly #bytes: Float64Array;
  readonly #xdp: Float64Array;
  readonly #pending = new Int32Array(PENDING);
  #pendingCount = 0;
  readonly #removals4: Removals;
  readonly #removals6: Removals;
  /** Connections that are not carried as long as all stays as it is. */
  readonly #refused: number[] = [];
  readonly #batch4: MapBatch;
  readonly #batch6: MapBatch;
  readonly #flow = emptyFlow();
  /** Connections by owners of flows that they do not have. */
  #aliases: ReadonlyMap<number, number> | undefined;
  #replayedAt = { jiffies: 0, time: 0 };
  readonly #endings: Endings;
  #telling: Telling = NOTHING_TOLD;
  #openings: Openings | undefined;
  #opened: OpenedFlows | undefined;

  /** @param hops finds hardware addresses; left out where the kernel is to look them up. */
  constructor(ipvs: NetnsIpvs, host: WayHost, maps: FastMaps, hops?: NextHops) {
    this.#ipvs = ipvs;
    this.#maps = maps;
    this.#endings = new Endings(ipvs);
    this.ways = new Ways(maps.ways, host, hops);
    const { limit } = ipvs.conns;
    this.#requestWay = new Uint16Array(limit);
    this.#replyWay = new Uint16Array(limit);
    this.#counted = new Uint32Array(limit);
    this.#packets = new Float64Array(maps.counters.maxEntries);
    this.#bytes = new Float64Array(maps.counters.maxEntries);
    this.#removals4 = removalsOf(maps.flows4);
    this.#removals6 = removalsOf(maps.flows6);
    this.#xdp = new Float64Array(maps.counters.maxEntries);
    this.#batch4 = new MapBatch(maps.flows4, 2 * PENDING);
    this.#batch6 = new MapBatch(maps.flows6, 2 * PENDING);
  }

  /** The program opens connections by itself as well. */
  set openings(openings: Openings) {
    this.#openings = openings;
    openings.onOpen = (services) => this.#offerAll(services);
    this.#opened = new OpenedFlows(this.#ipvs, this.#maps, this.ways, openings, {
      carry: (c, requestWay, replyWay) => this.#carry(c, requestWay, replyWay),
      withdraw: (c) => this.withdraw(c),
    });
  }

  used(c: number): void {
    const ipvs = this.#ipvs;
    const h = c << HOT_SHIFT;
    const flags = ipvs.conns.hot[h + C_FLAGS]!;
    if ((flags & CONN_F_CARRIED) !== 0) {
      if (this.#isOpen(c) && !(this.#telling.numbered && hasUntoldState(ipvs, c))) return;
      this.withdraw(c);
    }
    if ((flags & CONN_F_NOT_CARRIED) !== 0 || !mayCarry(ipvs, c, this.#telling) || !isCarriable(ipvs, c))
      return;
    if (ipvs.conns.hot[h + C_INPKTS]! < UDP_PACKETS && !this.#worthAtOnce(c)) return;
    this.#offer(c);
  }

  /** The connection waits to be installed. */
  #offer(c: number): void {
    const { hot } = this.#ipvs.conns;
    const h = c << HOT_SHIFT;
    hot[h + C_FLAGS] = hot[h + C_FLAGS]! | CONN_F_CARRIED;
    this.#requestWay[c] = NO_WAY;
    this.#replyWay[c] = NO_WAY;
    this.#pending[this.#pendingCount++] = c;
    this.counters.carried++;
    if (this.#pendingCount === PENDING) this.flush();
  }

  /** Installs what the engine has of these services: from now on the program must know all of them. */
  #offerAll(services: ReadonlySet<Service>): void {
    const ipvs = this.#ipvs;
    const t = ipvs.conns;
    for (let c = 0; c < t.highWater; c++) {
      if (!t.isUsed(c) || (t.hot[(c << HOT_SHIFT) + C_FLAGS]! & (CONN_F_CARRIED | CONN_F_NOT_CARRIED)) !== 0)
        continue;
      const svc = destOf(ipvs, c)?.svc;
      if (svc != null && services.has(svc) && isCarriable(ipvs, c)) this.#offer(c);
    }
    this.flush();
  }

  /** After its first packet. Where the program opens connections it must find those of the engine. */
  #worthAtOnce(c: number): boolean {
    const svc = destOf(this.#ipvs, c)?.svc;
    const opens = svc != null && this.#openings?.consider(svc) === true;
    return opens || this.#ipvs.conns.protocol(c) !== IPPROTO_UDP;
  }

  #carry(c: number, requestWay: number, replyWay: number): void {
    this.#ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! |= CONN_F_CARRIED;
    this.#requestWay[c] = requestWay;
    this.#replyWay[c] = replyWay;
    this.#counted[c] = 0;
    this.ways.hold(requestWay);
    if (replyWay !== NO_WAY) this.ways.hold(replyWay);
    this.counters.carried++;
    this.counters.installed++;
    this.counters.opened++;
  }

  replay(jiffies: number): void {
    const { reports } = this.#maps;
    if (!reports.pending) return;
    this.#replayedAt = { jiffies, time: monotonicNs() };
    reports.read(this.#replay);
  }

  readonly #replay = (at: number): void => {
    const { data } = this.#maps.reports;
    const { owner, action, flags, opened, time } = REPORT.fields;
    const what = action.get(data, at + action.offset);
    const age = this.#age(this.#replayedAt.time - time.get(data, at + time.offset));
    const jiffies = (this.#replayedAt.jiffies - age) | 0;
    if (what === ACTION_OPENED) {
      this.#opened?.take(at, jiffies);
      return;
    }
    this.counters.reported++;
    const c = this.#reportedConn(
      owner.get(data, at + owner.offset),
      opened.get(data, at + opened.offset) !== 0,
    );
    if (c === NO_CONN) return;
    const direction = what === FLOW_ACTIONS.natReply ? DIR_OUTPUT : DIR_INPUT;
    const seen = flags.get(data, at + flags.offset);
    const over = isOver(this.#ipvs, c);
    packetCarried(this.#ipvs, c, direction, seen & ~REPORT_DUE, jiffies, (seen & REPORT_DUE) !== 0);
    if (!over && isOver(this.#ipvs, c)) this.#endings.add(c, this.#replayedAt.time);
  };

  /** Removes the flows of connections that are over. To be called several times a second. */
  retire(time = monotonicNs()): void {
    this.#endings.take(time, this.#retire);
  }

  readonly #retire = (c: number): void => {
    if (this.#requestWay[c] === NO_WAY) return;
    requestFlow(this.#ipvs, c, 0, this.#flow);
    const map = this.#mapOf(this.#flow);
    writeFlowKey(map.key, 0, this.#flow);
    if (map.lookup()) this.#addPackets(c, map);
    this.ended(c);
  };

  /** @param number owner of a flow. @param opened the program has opened it. */
  #reportedConn(number: number, opened: boolean): number {
    const alias = this.#aliases?.get(aliasOf(number, opened));
    if (alias !== undefined) return alias;
    return opened ? (this.#opened?.connOf(number) ?? NO_CONN) : ownerOf(this.#ipvs, number);
  }

  settle(c: number): void {
    if (this.#requestWay[c] === NO_WAY) return;
    const ipvs = this.#ipvs;
    const { hot } = ipvs.conns;
    const h = c << HOT_SHIFT;
    requestFlow(ipvs, c, 0, this.#flow);
    const map = this.#mapOf(this.#flow);
    writeFlowKey(map.key, 0, this.#flow);
    if (!map.lookup()) return;
    this.#addPackets(c, map);
    let last = lastUsed(map);
    if (this.#replyWay[c] !== NO_WAY) {
      replyFlow(ipvs, c, 0, 0, this.#flow);
      writeFlowKey(map.key, 0, this.#flow);
      if (map.lookup()) last = Math.max(last, lastUsed(map));
    }
    const pd = ipvs.protoData[ipvs.conns.protocol(c)]!;
    const timeout = stateTimeout(ipvs, pd, c, hot[h + C_STATE]! & 0xff);
    const expires = (ipvs.net.jiffies - this.#age(monotonicNs() - last) + timeout) | 0;
    hot[h + C_TIMEOUT] = timeout;
    if (((expires - hot[h + C_EXPIRES]!) | 0) > 0) hot[h + C_EXPIRES] = expires;
  }

  withdraw(c: number): void {
    const ipvs = this.#ipvs;
    if (this.#requestWay[c] === NO_WAY) this.#forget(c);
    else {
      requestFlow(ipvs, c, 0, this.#flow);
      const map = this.#mapOf(this.#flow);
      writeFlowKey(map.key, 0, this.#flow);
      if (map.take()) this.#addPackets(c, map);
      this.ways.release(this.#requestWay[c]!);
      if (this.#replyWay[c] !== NO_WAY) this.#withdrawReply(c);
    }
    this.#given(c);
  }

  ended(c: number): void {
    const [request, reply] = [this.#requestWay[c]!, this.#replyWay[c]!];
    if (request === NO_WAY) this.#forget(c);
    else {
      requestFlow(this.#ipvs, c, 0, this.#flow);
      this.#removeLater(request);
      if (reply !== NO_WAY) {
        replyFlow(this.#ipvs, c, 0, 0, this.#flow);
        this.#removeLater(reply);
      }
    }
    this.#given(c);
  }

  /** The connection does not wait to be installed any more. */
  #forget(c: number): void {
    for (let i = 0; i < this.#pendingCount; i++) if (this.#pending[i] === c) this.#pending[i] = -1;
  }

  /** The connection is the engine's again. */
  #given(c: number): void {
    this.#requestWay[c] = NO_WAY;
    this.#replyWay[c] = NO_WAY;
    this.counters.carried--;
    const h = c << HOT_SHIFT;
    this.#ipvs.conns.hot[h + C_FLAGS] = this.#ipvs.conns.hot[h + C_FLAGS]! & ~CONN_F_CARRIED;
  }

  /** The flow at hand is removed with others, before anything is installed. */
  #removeLater(way: number): void {
    const removals = this.#flow.family === AF_INET ? this.#removals4 : this.#removals6;
    writeFlowKey(removals.batch.keys, removals.count * removals.keySize, this.#flow);
    removals.ways[removals.count++] = way;
    if (removals.count === PENDING) this.#remove(removals);
  }

  /** Removes flows; their ways are held until they are gone. */
  #remove(removals: Removals): void {
    if (removals.count === 0) return;
    removals.map.deleteBatch(removals.batch, removals.count);
    for (let i = 0; i < removals.count; i++) this.ways.release(removals.ways[i]!);
    removals.count = 0;
  }

  #withdrawReply(c: number): void {
    replyFlow(this.#ipvs, c, 0, 0, this.#flow);
    const map = this.#mapOf(this.#flow);
    writeFlowKey(map.key, 0, this.#flow);
    map.delete();
    this.ways.release(this.#replyWay[c]!);
    this.#replyWay[c] = NO_WAY;
  }

  /** Gives all connections back. */
  withdrawAll(): void {
    const t = this.#ipvs.conns;
    for (let c = 0; c < t.highWater && this.counters.carried > 0; c++) {
      if (t.isUsed(c) && (t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) !== 0) this.withdraw(c);
    }
  }

  fold(dest?: Dest): void {
    if (dest === undefined) for (const [each, way] of this.ways.dests()) this.#foldOne(each, way);
    else {
      const way = this.ways.numberOf(dest);
      if (way !== NO_WAY) this.#foldOne(dest, way);
    }
  }

  carried(dest: Dest): Carried | undefined {
    const way = this.ways.numberOf(dest);
    if (way === NO_WAY) return undefined;
    const [request, reply] = [counterOf(way), counterOf(way) + 1];
    const [packets, bytes] = [this.#packets, this.#bytes];
    return [packets[request]!, bytes[request]!, packets[reply]!, bytes[reply]!];
  }

  /**
   * Takes over what an earlier daemon has left in the maps. Its packets have gone on meanwhile.
   * @param carried what {@link FlowCache.carried} was of each dest when the counters that the engine has were written down.
   */
  adopt(carried: ReadonlyMap<Dest, Carried>): void {
    const ipvs = this.#ipvs;
    this.ways.adopt((index) => ipvs.dests[index] ?? undefined);
    const aliases = adoptFlows(ipvs, this.#maps, this.ways, {
      opened: (number, c) => this.#opened?.adopt(number, c) === true,
      request: (c, way, packets) => {
        ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! |= CONN_F_CARRIED;
        this.#requestWay[c] = way;
        this.#counted[c] = packets;
        this.ways.hold(way);
        this.counters.carried++;
      },
      reply: (c, way) => {
        if (this.#replyWay[c] !== NO_WAY) this.ways.release(this.#replyWay[c]!);
        this.#replyWay[c] = way;
        this.ways.hold(way);
      },
      hasReply: (c) => c !== NO_CONN && this.#replyWay[c] !== NO_WAY,
    });
    const { conns } = ipvs;
    for (let c = 0; c < conns.highWater; c++) {
      const flags = conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
      const replies = this.#replyWay[c] !== NO_WAY;
      if ((flags & CONN_F_CARRIED) !== 0) {
        // a NAT connection has both, or none
        if (((flags & CONN_F_FWD_MASK) === CONN_F_MASQ) !== replies) this.withdraw(c);
      } else if (replies) this.#withdrawReply(c);
    }
    this.ways.sweep();
    // what was reported meanwhile, also of connections that have another place now
    this.#aliases = aliases;
    this.replay(ipvs.net.jiffies);
    this.#aliases = undefined;
    // counters go on where they were
    for (let counter = 0; counter < 2 * this.ways.numbers; counter++) this.#read(counter);
    for (const [dest, way] of this.ways.dests()) {
      carried.get(dest)?.forEach((value, i) => {
        (i % 2 === 0 ? this.#packets : this.#bytes)[counterOf(way) + (i >> 1)] = value;
      });
    }
  }

  #foldOne(dest: Dest, way: number): void {
    const request = counterOf(way);
    const [inpkts, inbytes] = this.#read(request);
    const [outpkts, outbytes] = this.#read(request + 1);
    if (inpkts + outpkts > 0) carriedStats(this.#ipvs, dest, inpkts, inbytes, outpkts, outbytes);
  }

  /** Installs the connections that wait. To be called often: their packets take the slow path until then. */
  flush(): void {
    this.#remove(this.#removals4);
    this.#remove(this.#removals6);
    if (this.#pendingCount === 0) return;
    const time = monotonicNs();
    const { numbered } = this.#telling;
    let n4 = 0;
    let n6 = 0;
    for (let i = 0; i < this.#pendingCount; i++) {
      const c = this.#pending[i]!;
      if (c < 0) continue;
      if (!this.#findWays(c)) {
        this.#refuse(c);
        continue;
      }
      const v4 = this.#ipvs.conns.family(c) === AF_INET;
      const batch = v4 ? this.#batch4 : this.#batch6;
      let n = v4 ? n4 : n6;
      requestFlow(this.#ipvs, c, this.#requestWay[c]!, this.#flow);
      if (numbered) numberRequest(this.#ipvs, c, this.#telling, this.#flow);
      put(batch, n++, this.#flow, time);
      if (this.#replyWay[c] !== NO_WAY) {
        replyFlow(this.#ipvs, c, this.#requestWay[c]!, this.#replyWay[c]!, this.#flow);
        this.#flow.numbered = numbered;
        put(batch, n++, this.#flow, time);
      }
      this.#counted[c] = 0;
      this.counters.installed++;
      if (v4) n4 = n;
      else n6 = n;
    }
    this.#pendingCount = 0;
    this.#install(this.#maps.flows4, this.#batch4, n4);
    this.#install(this.#maps.flows6, this.#batch6, n6);
  }

  /** Takes over what commands and the kernel have changed. What must not be carried any more is not when this returns. */
  refresh(): void {
    this.#remove(this.#removals4);
    this.#remove(this.#removals6);
    this.#followTelling();
    this.ways.refresh((way) => {
      // what the next dest of this number counts begins here
      this.#read(counterOf(way));
      this.#read(counterOf(way) + 1);
    });
    this.#openings?.refresh();
    this.#forgive();
  }

  /** Flows that report as they should not any more are written anew, with the next packets of their connections. */
  #followTelling(): void {
    const telling = tellingOf(this.#ipvs);
    if (sameTelling(telling, this.#telling)) return;
    this.#telling = telling;
    // the program opens no more of them
    this.#openings?.refresh();
    this.replay(this.#ipvs.net.jiffies);
    this.withdrawAll();
  }

  /** Nanoseconds in jiffies. */
  #age(ns: number): number {
    return Math.floor((Math.max(0, ns) * this.#ipvs.net.hz) / 1e9);
  }

  #isOpen(c: number): boolean {
    const request = this.#requestWay[c]!;
    const reply = this.#replyWay[c]!;
    return request === NO_WAY || (this.ways.isOpen(request) && (reply === NO_WAY || this.ways.isOpen(reply)));
  }

  #findWays(c: number): boolean {
    const ipvs = this.#ipvs;
    const flags = ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
    const dest = destOf(ipvs, c);
    if (dest === null) return false;
    const request = this.ways.toDest(dest, flags);
    if (request === NO_WAY) return false;
    if ((flags & CONN_F_FWD_MASK) === CONN_F_MASQ) {
      ipvs.conns.addr(c, C_CADDR, this.#flow.destination);
      const reply = this.ways.toClient(inetFromWords(ipvs.conns.family(c), this.#flow.destination));
      if (reply === NO_WAY) return false;
      this.ways.hold(reply);
      this.#replyWay[c] = reply;
      if (dest.svc !== null && dest.svc.turns !== null)
        this.#openings!.learn(inetFromWords(ipvs.conns.family(c), this.#flow.destination), reply);
    }
    this.ways.hold(request);
    this.#requestWay[c] = request;
    return true;
  }

  #refuse(c: number): void {
    const h = c << HOT_SHIFT;
    const { hot } = this.#ipvs.conns;
    hot[h + C_FLAGS] = (hot[h + C_FLAGS]! & ~CONN_F_CARRIED) | CONN_F_NOT_CARRIED;
    if (this.#refused.length < REFUSED) this.#refused.push(c);
    this.counters.carried--;
  }

  /** Connections that had no way may have one now: their next packets offer them. */
  #forgive(): void {
    const { hot } = this.#ipvs.conns;
    for (const c of this.#refused) hot[(c << HOT_SHIFT) + C_FLAGS]! &= ~CONN_F_NOT_CARRIED;
    this.#refused.length = 0;
  }

  /** Writes a batch. A connection for which there was no room goes back as a whole. */
  #install(map: BpfMap, batch: MapBatch, count: number): void {
    const done = count === 0 ? 0 : map.updateBatch(batch, count);
    for (let i = done; i < count; i++) {
      const c = ownerOf(
        this.#ipvs,
        FLOW.fields.owner.get(batch.values, i * FLOW.size + FLOW.fields.owner.offset),
      );
      if ((this.#ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) === 0) continue;
      this.withdraw(c);
      this.counters.mapFull++;
    }
  }

  /** Adds what the client's flow, whose record is the map's `value`, has carried since the last time to `in_pkts`. */
  #addPackets(c: number, map: BpfMap): void {
    const { packets } = FLOW.fields;
    const carried = packets.get(map.value, packets.offset);
    this.#ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]! += carried - this.#counted[c]!;
    this.#counted[c] = carried;
  }

  #mapOf(flow: Flow): BpfMap {
    return flow.family === AF_INET ? this.#maps.flows4 : this.#maps.flows6;
  }

  /** What a counter has gained since it was last read. */
  #read(counter: number): readonly [packets: number, bytes: number] {
    const map = this.#maps.counters;
    map.key.setUint32(0, counter, true);
    map.lookup();
    let packets = 0;
    let bytes = 0;
    let xdp = 0;
    for (let at = 0; at < map.valueSize; at += COUNTER.size) {
      packets += COUNTER.fields.packets.get(map.value, at + COUNTER.fields.packets.offset);
      bytes += COUNTER.fields.bytes.get(map.value, at + COUNTER.fields.bytes.offset);
      xdp += COUNTER.fields.xdp.get(map.value, at + COUNTER.fields.xdp.offset);
    }
    const gained = [packets - this.#packets[counter]!, bytes - this.#bytes[counter]!] as const;
    const byXdp = xdp - this.#xdp[counter]!;
    this.counters.xdpPackets += byXdp;
    this.counters.tcPackets += gained[0] - byXdp;
    this.#xdp[counter] = xdp;
    this.#packets[counter] = packets;
    this.#bytes[counter] = bytes;
    return gained;
  }
}

/** When a packet of the flow whose record is the map's `value` last passed; CLOCK_MONOTONIC, ns. */
function lastUsed(map: BpfMap): number {
  return FLOW.fields.lastUsed.get(map.value, FLOW.fields.lastUsed.offset);
}

function put(batch: MapBatch, index: number, flow: Flow, time: number): void {
  writeFlowKey(batch.keys, index * (batch.keys.byteLength / batch.capacity), flow);
  writeFlow(batch.values, index * FLOW.size, flow, time);
}
