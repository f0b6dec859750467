/** The ways out of the fast path: one for each dest that has carried connections, one for each next hop of answers. */
import { type Hardware, type Way, writeWay } from '../../ebpf/flow.js';
import { WAY } from '../../ebpf/programs/flow-maps.js';
import type { Dest } from '../../engine/dest.js';
import { CONN_F_FWD_MASK, CONN_F_TUNNEL } from '../../engine/flags.js';
import type { Route } from '../../engine/host.js';
import { type BpfMap, MapBatch } from '../../linux/bpf-map.js';
import { AF_INET, type InetAddr, inetToString } from '../../wire/inet.js';
import type { NextHop, NextHops } from './next-hops.js';
import { tunnelKind, tunnelLength, tunnelOf } from './tunnels.js';

/** No way: the connection is not carried. 0, so that memory that nobody wrote says so. */
export const NO_WAY = 0;

/** What ways ask of the machine. */
export interface WayHost {
  /** Counts changes of routes, addresses and interfaces. */
  readonly routeGeneration: number;
  route(daddr: InetAddr): Route | undefined;
  /** Frames of the interface have an Ethernet header. */
  hasEthernet(ifindex: number): boolean;
}

/** The way to a dest. */
interface DestWay {
  readonly number: number;
  /** The dest's connections are tunnelled, */
  readonly tunnel: boolean;
  /** by this kind of tunnel. */
  kind: number;
}

/** An open way as it is in the map. */
interface OpenWay {
  way: Way;
  hop: NextHop | undefined;
}

/**
 * Ways to clients whose next hop is followed for the tc program's sake: there may be more clients on a link than its neighbour table should hold, and what is
 * followed stays there.
 */
const CLIENTS = 256;

/** Ways that are read at once. */
const SCAN = 1024;

/** A closed way takes no packets: they go to the slow path, and the engine. */
const CLOSED = { ifindex: 0, mtu: 0 };

/**
 * Keeps the map of ways. Flows refer to a way by its number, so a number is given to another way only when no flow has it any more. When routes change,
 * ways to dests are written anew; those to clients, of which many share one, are closed, and their connections find another.
 * A way has hardware addresses, so that XDP may take it and tc need not look them up, as long as flows refer to it and its next hop is followed.
 */
export class Ways {
  readonly #map: BpfMap;
  readonly #host: WayHost;
  /** Flows that refer to a way. */
  readonly #references: Int32Array;
  readonly #hops: NextHops | undefined;
  /** By number. */
  readonly #open: (OpenWay | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #dests = new Map<Dest, DestWay>();
  /** The same, by routes that were asked for: there is one for each connection that begins. */
  #byRoute = new WeakMap<Route, number>();
  readonly #clients = new Map<string, number>();
  /** Numbers of closed ways that flows still refer to. */
  readonly #leaving = new Set<number>();
  #next = 1;
  #generation = -1;

  /** @param hops finds hardware addresses; left out where the kernel is to look them up. */
  constructor(map: BpfMap, host: WayHost, hops?: NextHops) {
    this.#map = map;
    this.#host = host;
    this.#references = new Int32Array(map.maxEntries);
    this.#hops = hops;
  }

  /** As many numbers there are. */
  get capacity(): number {
    return this.#map.maxEntries;
  }

  /** Numbers below this have been given to ways. */
  get numbers(): number {
    return this.#next;
  }

  /**
   * Takes over the ways that an earlier daemon has left in the map: those to dests that are there. Flows are to be counted by {@link hold} then, and
   * {@link sweep} to be called.
   * @param destOf the dest of a number, if there is one.
   */
  adopt(destOf: (index: number) => Dest | undefined): void {
    const { family, ifindex, owner, tunnelVersion } = WAY.fields;
    const batch = new MapBatch(this.#map, SCAN);
    this.#map.scan(batch, (count) => {
      for (let i = 0; i < count; i++) {
        const at = i * WAY.size;
        const number = batch.keys.getUint32(4 * i, true);
        if (number === NO_WAY || family.get(batch.values, at + family.offset) === 0) continue;
        this.#next = Math.max(this.#next, number + 1);
        // closed: nothing is carried by it
        if (ifindex.get(batch.values, at + ifindex.offset) === 0) continue;
        const dest = destOf(owner.get(batch.values, at + owner.offset) - 1);
        const tunnel = tunnelVersion.get(batch.values, at + tunnelVersion.offset) !== 0;
        if (dest !== undefined && !this.#dests.has(dest))
          this.#dests.set(dest, { number, tunnel, kind: tunnelKind(dest) });
      }
    });
  }

  /** Writes the adopted ways to dests anew, and closes the others: routes may have changed since they were written. */
  sweep(): void {
    for (const [dest, { number, tunnel }] of this.#dests) this.#write(number, this.#wayTo(dest, tunnel));
    const kept = new Set([...this.#dests.values()].map(({ number }) => number));
    for (let number = 1; number < this.#next; number++) if (!kept.has(number)) this.#leave(number);
  }

  /** Dests that have a way, with its number. */
  *dests(): Iterable<readonly [Dest, number]> {
    for (const [dest, { number }] of this.#dests) yield [dest, number];
  }

  /** The number of the dest's way, or `NO_WAY`. */
  numberOf(dest: Dest): number {
    return this.#dests.get(dest)?.number ?? NO_WAY;
  }

  isOpen(number: number): boolean {
    return this.#open[number] !== undefined;
  }

  /** The way to a dest for connections of this forwarding method, or `NO_WAY`. */
  toDest(dest: Dest, flags: number): number {
    const tunnel = (flags & CONN_F_FWD_MASK) === CONN_F_TUNNEL;
    let entry = this.#dests.get(dest);
    if (entry === undefined) {
      const number = this.#number();
      if (number === NO_WAY) return NO_WAY;
      entry = { number, tunnel, kind: tunnelKind(dest) };
      this.#dests.set(dest, entry);
      this.#write(number, this.#wayTo(dest, tunnel));
    }
    // the method was edited: connections of the other one are not carried
    return entry.tunnel === tunnel && this.isOpen(entry.number) ? entry.number : NO_WAY;
  }

  /** The way to a client, or `NO_WAY`. */
  toClient(client: InetAddr): number {
    const route = this.#host.route(client);
    if (route === undefined) return NO_WAY;
    const known = this.#byRoute.get(route);
    if (known !== undefined) return known;
    if (!this.#leads(route)) return NO_WAY;
    const key = `${route.ifindex} ${inetToString(route.nextHop)} ${route.mtu}`;
    let number = this.#clients.get(key);
    if (number === undefined) {
      number = this.#number();
      if (number === NO_WAY) return NO_WAY;
      this.#clients.set(key, number);
      this.#write(number, { nextHop: route.nextHop, ifindex: route.ifindex, mtu: route.mtu });
    }
    this.#byRoute.set(route, number);
    return number;
  }

  /** A flow refers to the way from now on. */
  hold(number: number): void {
    if (this.#references[number]!++ === 0 && this.#needed(number)) this.#resolve(number, true);
  }

  /** A flow is gone. */
  release(number: number): void {
    if (--this.#references[number]! === 0 && this.#leaving.delete(number)) this.#free.push(number);
  }

  /** Takes over what has become of next hops. To be called several times a second. */
  resolve(): void {
    let clients = 0;
    for (let number = 1; number < this.#next; number++) {
      const toClient = this.#open[number]?.way.owner === undefined;
      if (toClient && this.#references[number] !== 0) clients++;
      this.#resolve(number, !toClient || clients <= CLIENTS || this.#needed(number));
    }
  }

  /**
   * Takes over what has become of dests and routes; when it returns, no packet goes where it must not any more.
   * @param freed is told the numbers of dests that are gone.
   */
  refresh(freed: (number: number) => void): void {
    if (this.#generation !== this.#host.routeGeneration) {
      this.#generation = this.#host.routeGeneration;
      this.#byRoute = new WeakMap();
      for (const number of this.#clients.values()) this.#leave(number);
      this.#clients.clear();
      for (const [dest, { number, tunnel }] of this.#dests) this.#write(number, this.#wayTo(dest, tunnel));
    }
    for (const [dest, entry] of this.#dests) {
      const { number, tunnel } = entry;
      const kind = tunnelKind(dest);
      if (dest.available && (!this.isOpen(number) || (tunnel && entry.kind !== kind))) {
        entry.kind = kind;
        this.#write(number, this.#wayTo(dest, tunnel));
      } else if (!dest.available && this.isOpen(number)) this.#write(number, undefined);
      if (dest.available || this.#references[number] !== 0) continue;
      this.#dests.delete(dest);
      freed(number);
      this.#free.push(number);
    }
  }

  #wayTo(dest: Dest, tunnel: boolean): Way | undefined {
    const route = this.#host.route(dest.addr);
    if (!dest.available || route === undefined || !this.#leads(route)) return undefined;
    const { nextHop, ifindex, mtu, source } = route;
    const owner = dest.index + 1;
    if (!tunnel) return { nextHop, ifindex, mtu, owner };
    const outer = tunnelOf(dest, source);
    return { nextHop, ifindex, mtu: mtu - tunnelLength(outer), owner, tunnel: outer };
  }

  /** Elsewhere, and by a link that the programs can send on. */
  #leads({ local, ifindex }: Route): boolean {
    return !local && this.#host.hasEthernet(ifindex);
  }

  #leave(number: number): void {
    this.#write(number, undefined);
    if (this.#references[number] === 0) this.#free.push(number);
    else this.#leaving.add(number);
  }

  #number(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.#next < this.#map.maxEntries ? this.#next++ : NO_WAY;
  }

  #write(number: number, way: Way | undefined): void {
    this.#open[number] = way && { way, hop: undefined };
    const hardware = this.#needed(number) ? this.#hardwareOf(number) : undefined;
    if (way !== undefined && hardware !== undefined) this.#open[number]!.way = { ...way, hardware };
    this.#store(number);
  }

  /** XDP can take the way, and only with hardware addresses. */
  #needed(number: number): boolean {
    const open = this.#open[number];
    return open !== undefined && this.#hops?.canSend(open.way.ifindex) === true;
  }

  /** Hardware addresses are written when they are others, or none any more. @param follow the way may have some. */
  #resolve(number: number, follow: boolean): void {
    const open = this.#open[number];
    if (open === undefined || this.#hops === undefined) return;
    const hardware = follow ? this.#hardwareOf(number) : undefined;
    if (isSame(open.way.hardware, hardware)) return;
    open.way = { ...open.way, hardware };
    this.#store(number);
  }

  #hardwareOf(number: number): Hardware | undefined {
    const open = this.#open[number];
    if (open === undefined || this.#hops === undefined || this.#references[number] === 0) return undefined;
    const { ifindex, nextHop } = open.way;
    if (open.hop === undefined || open.hop.stale) open.hop = this.#hops.find(ifindex, nextHop);
    return this.#hops.addresses(open.hop, ifindex);
  }

  #store(number: number): void {
    const way = this.#open[number]?.way ?? { ...CLOSED, nextHop: NOWHERE };
    // a program that reads meanwhile must not find half of one address and half of another
    if (way.hardware !== undefined) {
      this.#put(number, { ...way, hardware: undefined });
      this.#put(number, way, false);
    }
    this.#put(number, way);
  }

  #put(number: number, way: Way, valid = true): void {
    this.#map.key.setUint32(0, number, true);
    writeWay(this.#map.value, 0, way, valid);
    this.#map.update();
  }
}

function isSame(a: Hardware | undefined, b: Hardware | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const same = (x: Uint8Array, y: Uint8Array): boolean => x.every((byte, i) => byte === y[i]);
  return (
    a.xdp === b.xdp && a.peer === b.peer && same(a.destination, b.destination) && same(a.source, b.source)
  );
}

const NOWHERE: InetAddr = { family: AF_INET, words: new Int32Array(4) };
