/**
 * The services whose connections the tc program opens by itself: those of which the engine has opened one lately, whose scheduler goes by a short order of its
 * own, and whose connections are nothing special. Each change of a service ends its turns in the engine at once, and in the program with the next {@link Openings.refresh}.
 */
import { emptyFlow, type Flow, writeFlow } from '../../ebpf/flow.js';
import {
  CLIENT,
  CLIENT_KEY,
  CURSORS,
  FAMILY_BITS,
  OPENING,
  OPENING_MAPS,
  PREFIX_KEY,
  SERVICE,
  SERVICE_KEY,
  TURN,
} from '../../ebpf/programs/opening-maps.js';
import type { Dest } from '../../engine/dest.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ } from '../../engine/flags.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { Service } from '../../engine/service.js';
import { cycleOf } from '../../engine/turns.js';
import { BPF_F_NO_PREALLOC, BpfMap, MapBatch, type MapOptions } from '../../linux/bpf-map.js';
import { MappedArray } from '../../linux/bpf-mapped-array.js';
import type { KernelRoute } from '../../linux/rt-route.js';
import { type Family, type InetAddr, inetBytes, inetEqual, inetToString } from '../../wire/inet.js';
import { monotonicNs } from './monotonic.js';
import { isOpenable, mayOpen } from './openable.js';
import { type Prefix, surroundings } from './prefixes.js';
import { ServiceTurns } from './service-turns.js';
import { replyTurn, requestTurn } from './turn-flows.js';
import { LONGEST, TurnSpace } from './turn-space.js';
import { NO_WAY, type WayHost, type Ways } from './ways.js';

/** Turns of all services. */
const TURNS = 16_384;
/** Clients whose way is known; the program forgets those that it has not seen for longest. */
const CLIENTS = 65_536;
/** Prefixes of clients, and their parts that are reached in another way. */
const PREFIXES = 16_384;
/** Services that wait to be looked at, at most. */
const CANDIDATES = 1024;
/** Ways are for connections first of all. */
const WAYS_SHARE = 0.5;
/** Words of a cursor in memory. */
const CURSOR_WORDS = 2;

type OpeningMaps = { readonly [K in keyof typeof OPENING_MAPS]: BpfMap };

/** What openings ask of the machine. */
export interface OpeningHost extends WayHost {
  /** The routes of the family, of which the longest prefix alone decides; undefined where rules, or learnt path MTUs, have a say as well. */
  plainRoutes(family: Family): readonly KernelRoute[] | undefined;
  /** The address in `words` from `at` on is one of this host. */
  isLocal(family: number, words: Int32Array, at: number): boolean;
}

/** Keeps the maps of opening-maps.ts. */
export class Openings {
  readonly #ipvs: NetnsIpvs;
  readonly #host: OpeningHost;
  readonly #ways: Ways;
  readonly #maps: OpeningMaps;
  readonly #cursors: MappedArray;
  readonly #turns = new Map<Service, ServiceTurns>();
  readonly #space = new TurnSpace<ServiceTurns>(TURNS);
  readonly #candidates = new Set<Service>();
  /** Services that were found to be none, at that state of things. */
  #unfit = new WeakMap<Service, number>();
  #state = 0;
  readonly #flow: Flow = emptyFlow();
  #generation = 1;
  #routes: number;
  /** Those in the map, by what they are called. */
  readonly #prefixes = new Map<string, Prefix>();
  /** When routes were last seen to have changed; CLOCK_MONOTONIC, ns. */
  #movedAt = 0;
  #open = false;
  /** The first number of the program; 0 is none. */
  #first = 1;

  /** @throws SYSTEM */
  constructor(ipvs: NetnsIpvs, host: OpeningHost, ways: Ways) {
    this.#ipvs = ipvs;
    this.#host = host;
    this.#ways = ways;
    this.#routes = host.routeGeneration;
    const entries = { services: TURNS, turns: TURNS, clients: CLIENTS, prefixes: PREFIXES, opening: 1 };
    const opened: { close(): void }[] = [];
    const make = <T extends { close(): void }>(map: T): T => {
      opened.push(map);
      return map;
    };
    try {
      const maps = Object.entries(OPENING_MAPS).map(
        ([name, options]) =>
          [name, make(new BpfMap(wanted(options, entries[name as keyof typeof OPENING_MAPS])))] as const,
      );
      this.#maps = Object.fromEntries(maps) as unknown as OpeningMaps;
      this.#cursors = make(new MappedArray({ ...CURSORS, maxEntries: TURNS }));
    } catch (error) {
      for (const map of opened) map.close();
      throw error;
    }
  }

  /** Lets the program open connections from now on. */
  begin(): void {
    const { opening } = this.#maps;
    OPENING.write(opening.value, 0, { next: this.#first });
    opening.update();
    this.#writeState();
  }

  /** Descriptors of the maps, by their names in the program. */
  get descriptors(): Readonly<Record<string, number>> {
    const maps = Object.entries(this.#maps).map(([name, { fd }]) => [name, fd] as const);
    return { ...Object.fromEntries(maps), cursors: this.#cursors.fd };
  }

  /** Ways of clients that the program found then are still right. @param time CLOCK_MONOTONIC, ns. */
  isCurrent(time: number): boolean {
    return time > this.#movedAt && this.#routes === this.#host.routeGeneration;
  }

  /** Whose turn it is that a report tells of. */
  turnsOf(turn: number): ServiceTurns | undefined {
    return this.#space.ownerOf(turn);
  }

  /** The program is not to give this number, which a connection has already. */
  skip(number: number): void {
    this.#first = Math.max(this.#first, number + 1);
  }

  /** Called with services that are about to have turns, to install the connections that they have. */
  onOpen: (services: ReadonlySet<Service>) => void = () => {};

  /** The engine has opened a connection of this service. @returns true when it has turns; if not, the next {@link turn} looks whether it may have some. */
  consider(svc: Service): boolean {
    if (this.#turns.has(svc)) return true;
    if (this.#unfit.get(svc) !== this.#state && this.#candidates.size < CANDIDATES) this.#candidates.add(svc);
    return false;
  }

  /** A client is reached by this way, and maybe others are. */
  learn(client: InetAddr, way: number): void {
    const { key, value } = this.#maps.clients;
    CLIENT_KEY.write(key, 0, { address: padded(client) });
    CLIENT.write(value, 0, { way, generation: this.#generation });
    this.#maps.clients.update();
    const route = this.#host.route(client);
    if (route === undefined || route.mtuLearnt || inetEqual(route.nextHop, client)) return;
    const routes = this.#host.plainRoutes(client.family);
    const around = routes && surroundings(routes, client);
    if (around === undefined || this.#prefixes.size + around.holes.length >= PREFIXES) return;
    for (const hole of around.holes) this.#putPrefix(hole, NO_WAY);
    this.#putPrefix(around.prefix, way);
  }

  /** What stands there is not made worse: a hole may be another prefix. */
  #putPrefix({ address, length }: Prefix, way: number): void {
    const name = `${inetToString(address)}/${length}`;
    if (way === NO_WAY && this.#prefixes.has(name)) return;
    this.#prefixes.set(name, { address, length });
    const { prefixes } = this.#maps;
    writePrefixKey(prefixes.key, { address, length });
    CLIENT.write(prefixes.value, 0, { way, generation: this.#generation });
    prefixes.update();
  }

  /** Those of before are good no longer, and must not hide others. */
  #forgetPrefixes(): void {
    const { prefixes } = this.#maps;
    for (const prefix of this.#prefixes.values()) {
      writePrefixKey(prefixes.key, prefix);
      prefixes.delete();
    }
    this.#prefixes.clear();
  }

  /** Follows what no command has changed. To be called several times a second. */
  turn(): void {
    this.#follow();
    if (this.#open && this.#candidates.size > 0) {
      this.onOpen(this.#candidates);
      for (const svc of this.#candidates) this.#install(svc);
      this.#candidates.clear();
    }
    this.#space.sweep(monotonicNs());
  }

  /** Takes over what commands have changed, when it returns. */
  refresh(): void {
    this.#state++;
    this.#follow();
    for (const turns of this.#turns.values()) {
      if (turns.service.turns === turns) continue;
      this.#drop(turns);
      this.#install(turns.service);
    }
  }

  close(): void {
    for (const { service } of this.#turns.values()) service.turns = null;
    for (const map of [...Object.values(this.#maps), this.#cursors]) map.close();
  }

  #follow(): void {
    const open = mayOpen(this.#ipvs);
    const moved = this.#routes !== this.#host.routeGeneration;
    if (moved) {
      this.#routes = this.#host.routeGeneration;
      this.#generation = (this.#generation + 1) >>> 0;
      this.#state++;
    }
    if (!moved && open === this.#open) return;
    // others may have told of connections meanwhile, which nobody has offered yet
    if (open && !this.#open && this.#turns.size > 0) this.onOpen(new Set(this.#turns.keys()));
    this.#open = open;
    this.#writeState();
    if (!moved) return;
    this.#movedAt = monotonicNs();
    this.#forgetPrefixes();
    // an address may be none of ours any more, and a way another one
    for (const turns of [...this.#turns.values()]) {
      this.#drop(turns);
      this.#install(turns.service);
    }
  }

  /** What the program counts stays as it is. */
  #writeState(): void {
    const { opening } = this.#maps;
    opening.key.setUint32(0, 0, true);
    opening.lookup();
    OPENING.write(opening.value, 0, { open: this.#open ? 1 : 0, generation: this.#generation });
    opening.update();
  }

  /** Ends a service's turns; those that are under way are understood for some time. */
  #drop(turns: ServiceTurns): void {
    const { service, first, dests } = turns;
    writeServiceKey(this.#maps.services.key, service);
    this.#maps.services.delete();
    this.#turns.delete(service);
    if (service.turns === turns) service.turns = null;
    this.#space.release(first, dests.length, monotonicNs());
  }

  #install(svc: Service): void {
    const dests = isOpenable(this.#ipvs, this.#host, svc) ? cycleOf(svc, LONGEST) : undefined;
    const first = dests && this.#write(svc, dests);
    if (dests === undefined || first === undefined) {
      this.#unfit.set(svc, this.#state);
      return;
    }
    const turns = new ServiceTurns(svc, dests, first, this.#cursors.words, first * CURSOR_WORDS);
    const { key, value } = this.#maps.services;
    writeServiceKey(key, svc);
    const answers = dests.some(({ connFlags }) => (connFlags & CONN_F_FWD_MASK) === CONN_F_MASQ) ? 1 : 0;
    SERVICE.write(value, 0, { cursor: first, first, count: dests.length, answers });
    this.#space.assign(first, dests.length, turns);
    svc.turns = turns;
    this.#turns.set(svc, turns);
    this.#maps.services.update();
  }

  /** Writes the turns of a service. @returns the number of the first; undefined when there is no room, or a dest is out of reach. */
  #write(svc: Service, dests: readonly Dest[]): number | undefined {
    if (this.#ways.numbers > WAYS_SHARE * this.#ways.capacity) return undefined;
    const ways = dests.map((dest) => this.#ways.toDest(dest, dest.connFlags));
    if (ways.includes(NO_WAY)) return undefined;
    const first = this.#space.allocate(dests.length);
    if (first === undefined) return undefined;
    const { turns } = this.#maps;
    const batch = new MapBatch(turns, dests.length);
    const { request, reply } = TURN.fields;
    for (const [i, dest] of dests.entries()) {
      batch.keys.setUint32(4 * i, first + i, true);
      requestTurn(svc, dest, ways[i]!, this.#flow);
      writeFlow(batch.values, i * TURN.size + request.offset, this.#flow, 0);
      if (!replyTurn(svc, dest, ways[i]!, this.#flow)) continue;
      writeFlow(batch.values, i * TURN.size + reply.offset, this.#flow, 0);
    }
    turns.updateBatch(batch, dests.length);
    return first;
  }
}

/** A trie takes memory as it grows, and nothing else. */
function wanted(options: Omit<MapOptions, 'maxEntries'>, maxEntries: number): MapOptions {
  return { ...options, maxEntries, flags: options.type === 'trie' ? BPF_F_NO_PREALLOC : 0 };
}

function writeServiceKey(key: DataView, { addr, port, protocol }: Service): void {
  SERVICE_KEY.write(key, 0, { address: padded(addr), port, protocol, spare: 0 });
}

function writePrefixKey(key: DataView, { address, length }: Prefix): void {
  const { family } = address;
  PREFIX_KEY.write(key, 0, { length: FAMILY_BITS + length, family, address: padded(address) });
}

function padded(addr: InetAddr): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(inetBytes(addr));
  return bytes;
}
