/** A model of the director's own host: what a Linux kernel does to packets around IPVS. It is no part of the engine. */
import type {
  AddrType,
  Host,
  Route,
  SyncReceiver,
  SyncSender,
  SyncSocketOptions,
} from '../../engine/host.js';
import type { Net } from '../../engine/net.js';
import {
  AF_INET,
  AF_INET6,
  type InetAddr,
  inet4,
  inetFromBytes,
  inetIsAny,
  inetToString,
} from '../../wire/inet.js';
import { CHECKSUM_PARTIAL, HEADROOM, Packet } from '../../wire/packet.js';
import { Reassembler } from '../../wire/reassembly.js';
import { ErrorBudget } from './error-budget.js';
import { defragment6, KEPT } from './ext-headers.js';
import { type FibRoute, isLinkLocal, type Link, speaks } from './fib.js';
import { HostSysctls } from './host-sysctls.js';
import { input4 } from './input4.js';
import { input6 } from './input6.js';
import { addRoute } from './ip-command.js';
import { IpConfig } from './ip-config.js';
import type { IpOptions, OptionSource } from './ip-options.js';
import { hostUnreachable4, icmpError } from './local-icmp.js';
import { UdpSockets } from './local-udp.js';
import { NeighbourQueue } from './neighbours.js';
import { output, wayOfOwn } from './output.js';
import { openSyncSender } from './sync-sender.js';
import type { Topology } from './topology.js';

/** A frame that left the director. */
export interface Frame {
  readonly link: Link;
  /** Destination MAC address. */
  readonly mac: Uint8Array;
  /** The IP packet; a copy. */
  readonly bytes: Uint8Array;
}

/** How a packet came to the host, for what may have to be said about it. */
export interface Arrival {
  readonly link: Link;
  /** It is for this host itself (`RTCF_LOCAL`). */
  readonly local: boolean;
  /** Its IPv4 options, if any. */
  readonly options?: IpOptions;
  /** Where its header began: a packet that was taken out of it begins elsewhere. */
  readonly at?: number;
  /** IPv6: its hop-by-hop options have been read. */
  readonly hop?: boolean;
  /** IPv6: offset of the header that followed the fragment header, when it was reassembled before routing. */
  readonly joint?: number;
}

/** What a frame carries besides its bytes. */
export interface FrameOptions {
  readonly mark?: number;
  /** The checksum is still to be completed from `start`, into `start + offset` (offsets from the IP header). */
  readonly partial?: { readonly start: number; readonly offset: number };
}

/** No route has a larger MTU. */
const IP_MAX_MTU = 0xffff;
/** Memory for incomplete datagrams, bytes (`ipfrag_high_thresh`). */
const REASSEMBLY_BYTES = 4 << 20;
/** Room behind a packet for what may be added to it. */
const TAILROOM = 512;
/**
 * The kernel's timers of 30 s and 60 s fire at the end of a slot of so many ms, those of one slot the last one first. Where the slots begin
 * depends on when the machine was started: what a scenario begins with should fall into one.
 */
const SLOT4 = { size: 640, from: 320 };
const SLOT6 = { size: 5120, from: 0 };

/** Length of a jiffy, ms. */
const TICK = 10;

type Slot = typeof SLOT4;

/** The first end of a slot after `now`. */
const slotEnd = ({ size, from }: Slot, now: number): number =>
  (Math.floor((now - from) / size) + 1) * size + from;

const isSlotEnd = ({ size, from }: Slot, now: number): boolean => (now - from) % size === 0;

/** The host model. Time moves by {@link advance} alone; every other call returns when all packets it caused have left. */
export class SimHost implements Host {
  readonly config: IpConfig;
  readonly sysctls = new HostSysctls();
  readonly sockets: UdpSockets;
  readonly neighbours: NeighbourQueue;
  /** Milliseconds since the namespace was made. */
  now = 0;
  /** How the packet that the engine has in hand came. */
  arrival: Arrival | undefined = undefined;
  /** Limits answers about missing routes. */
  readonly errors = new ErrorBudget();
  readonly reassembler4 = new Reassembler({ timeoutMs: 30_000, maxBytes: REASSEMBLY_BYTES });
  /** For what is put together before it is known where it goes: see `input4`. */
  readonly tracked4 = new Reassembler({ timeoutMs: 30_000, maxBytes: REASSEMBLY_BYTES });
  readonly reassembler6 = new Reassembler({ timeoutMs: 60_000, maxBytes: REASSEMBLY_BYTES });
  /** As many as the machine of the recordings has to begin with. */
  readonly bufferPages = 90_656;
  readonly emit: (frame: Frame) => void;
  /** Takes what `debug_level` shows. */
  onDebug: (text: string) => void = () => {};
  readonly #tasks: (() => void)[] = [];
  readonly #routes = new Map<string, Route | undefined>();
  #routesOf = 0;
  /** How many tasks the one in work has put before the others. */
  #ahead = 0;
  #running = false;
  #net: Net | undefined;
  #defrag6 = false;
  #ident = 0;
  readonly #reroutes = (packet: Packet): boolean => wayOfOwn(this, packet) !== undefined;

  constructor(topology: Topology, emit: (frame: Frame) => void) {
    this.config = new IpConfig(topology);
    this.emit = emit;
    this.sockets = new UdpSockets(this);
    this.neighbours = new NeighbourQueue(this.config);
    for (const text of topology.routes) addRoute(this.config, text);
  }

  /** Ties the host to the engine that sits in its hooks. */
  attach(net: Net): void {
    this.#net = net;
  }

  /** The engine in this host's hooks. */
  get net(): Net {
    return this.#net!;
  }

  /** From its first IPv6 service or dest on, a namespace reassembles all IPv6 fragments as they come in (`nf_defrag_ipv6_enable`). */
  get defrag6(): boolean {
    const { ipvs } = this.net;
    this.#defrag6 ||= ipvs.hooked(AF_INET6) || ipvs.mixedAddressFamilyDests > 0;
    return this.#defrag6;
  }

  /** A frame came in by `link`. */
  receive(bytes: Uint8Array, link: Link, options: FrameOptions = {}): void {
    const packet = this.packet(bytes);
    packet.ifindex = link.ifindex;
    packet.mark = options.mark ?? 0;
    if (options.partial !== undefined) {
      packet.ipSummed = CHECKSUM_PARTIAL;
      packet.csumStart = options.partial.start;
      packet.csumOffset = options.partial.offset;
    }
    this.run(() => this.input(packet, link));
  }

  /** A packet, its metadata complete, comes in by `link`. */
  input(packet: Packet, link: Link): void {
    if (!link.up || packet.len === 0) return;
    if (packet.view.getUint8(packet.data) >>> 4 !== 6) input4(this, packet, link);
    else if (speaks(link, AF_INET6)) input6(this, packet, link);
  }

  /**
   * Does `task` when the packet in work is done, before all that waits already: neither engine nor host is entered a second time.
   * @param last do it after all that waits, as for a packet that comes in by the loopback interface.
   */
  run(task: () => void, last = false): void {
    if (last) this.#tasks.push(task);
    else this.#tasks.splice(this.#ahead++, 0, task);
    if (this.#running) return;
    this.#running = true;
    try {
      for (;;) {
        this.#ahead = 0;
        const next = this.#tasks.shift();
        if (next === undefined) return;
        next();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Moves time on: the engine's timers and the host's own, in order. @param to ms, never less than before. */
  advance(to: number): void {
    for (let next = this.#deadline(); next <= to; next = this.#deadline()) {
      // of timers that end together those fire first that were set last: the neighbours', then the engine's, then those of fragments
      this.net.advance(next - TICK);
      this.now = next;
      this.run(() => this.#neighbours());
      this.net.advance(next);
      this.#timers();
    }
    this.net.advance(to);
    this.now = to;
  }

  /** The network configuration has changed: packets may go that could not. */
  configured(): void {
    this.run(() => this.#neighbours());
  }

  #deadline(): number {
    let next = this.neighbours.deadline;
    if (this.reassembler4.size > 0 || this.tracked4.size > 0) next = Math.min(next, slotEnd(SLOT4, this.now));
    if (this.reassembler6.size > 0) next = Math.min(next, slotEnd(SLOT6, this.now));
    return next;
  }

  #timers(): void {
    const late: { first: Uint8Array; type: number }[] = [];
    if (isSlotEnd(SLOT4, this.now)) {
      this.reassembler4.expire(this.now, (first) => late.unshift({ first, type: 11 }));
      // it is not this host's to say so of what it would only have passed on
      this.tracked4.expire(this.now, (first) => {
        if (this.isLocal(AF_INET, inetFromBytes(AF_INET, first, 16).words, 0))
          late.unshift({ first, type: 11 });
      });
    }
    if (isSlotEnd(SLOT6, this.now)) {
      this.reassembler6.expire(this.now, (first) => late.unshift({ first, type: 3 }));
    }
    for (const { first, type } of late) this.run(() => icmpError(this, this.packet(first), type, 1, 0));
  }

  #neighbours(): void {
    this.neighbours.run(
      this.now,
      ({ link, bytes }, mac) => this.emit({ link, mac, bytes }),
      ({ bytes, unfinished, from }) => {
        const v4 = bytes[0]! >>> 4 === 4;
        const arrival = { link: from, local: false };
        const p = this.packet(unfinished ?? bytes);
        this.run(() => (v4 ? hostUnreachable4(this, p, arrival) : icmpError(this, p, 1, 3, 0, arrival)));
      },
    );
  }

  /** A packet with a copy of `bytes`. Fragments get room for the whole datagram. */
  packet(bytes: Uint8Array): Packet {
    const fragment = bytes.length > 7 && (bytes[0]! >>> 4 === 6 || ((bytes[6]! << 8) | bytes[7]!) & 0x3fff);
    const packet = fragment ? new Packet() : new Packet(HEADROOM + bytes.length + TAILROOM);
    packet.load(bytes);
    return packet;
  }

  /** A number for the identification field of the next packet. */
  ident(): number {
    this.#ident = (this.#ident + 1) & 0xffff;
    return this.#ident;
  }

  /** Milliseconds since midnight, for timestamps. */
  get timeOfDay(): number {
    return Math.floor(this.now) % 86_400_000;
  }

  /** What IPv4 options are filled in with. @param own address to record, host order. */
  optionSource(own: number): OptionSource {
    const isUnicast = (addr: number): boolean =>
      addr >>> 24 !== 0 && this.addrType(inet4(addr)) === 'unicast';
    return { own, time: this.timeOfDay, isUnicast };
  }

  /** True for the IPv4 groups that every host is in, and those of its sockets. */
  joined4(link: Link, group: InetAddr): boolean {
    return group.words[0]! >>> 0 === 0xe000_0001 || this.sockets.joined(link, group);
  }

  /** True for the IPv6 groups that a router is in: all nodes, all routers, those of neighbour discovery for its addresses, and those of its sockets. */
  joined6(link: Link, group: InetAddr): boolean {
    if (this.sockets.joined(link, group)) return true;
    const [a, b, c, d] = group.words;
    const scope = (a! >>> 16) & 15;
    if (b === 0 && c === 0 && (a! & 0xffff) === 0)
      return d === 1 ? scope <= 2 : d === 2 && [1, 2, 5].includes(scope);
    if (a! >>> 0 !== 0xff02_0000 || b !== 0 || c !== 1 || d! >>> 24 !== 255) return false;
    return this.config.addresses.some(
      ({ prefix: { addr } }) => addr.family === AF_INET6 && ((addr.words[3]! ^ d!) & 0xff_ffff) === 0,
    );
  }

  /** The link with that index. */
  linkOf(ifindex: number): Link {
    return this.config.links[ifindex - 1]!;
  }

  /** The way out by a route of the table, for packets to `daddr`. */
  wayOut(found: FibRoute, daddr: InetAddr): Route | undefined {
    const learnt = this.config.pathMtus.find(found, daddr, this.now);
    const { generation } = this.config;
    if (learnt?.way !== undefined && learnt.wayGeneration === generation) return learnt.way;
    const way = this.#plainWay(found, daddr);
    if (learnt === undefined || way === undefined) return way;
    learnt.way = { ...way, mtu: learnt.mtu };
    learnt.plainMtu = way.mtu;
    learnt.wayGeneration = generation;
    return learnt.way;
  }

  /** The way out by a route when nothing was learnt of the path. */
  #plainWay(found: FibRoute, daddr: InetAddr): Route | undefined {
    if (found.type === 'local' || found.type === 'anycast') {
      const { ifindex } = this.config.loopback;
      const mtu = Math.min(this.config.loopback.mtu, IP_MAX_MTU);
      return { local: true, ifindex, mtu, mtuLearnt: false, source: daddr, nextHop: daddr };
    }
    if (found.type !== 'unicast' && found.type !== 'broadcast') return undefined;
    const source = this.config.sourceFor(found, daddr);
    if (source === undefined) return undefined;
    const { link } = found;
    const nextHop = found.via ?? daddr;
    return {
      local: false,
      ifindex: link.ifindex,
      // a way that somebody kept has the MTU that its link has now
      get mtu() {
        return found.mtu || link.mtu;
      },
      mtuLearnt: false,
      source,
      nextHop,
    };
  }

  get routeGeneration(): number {
    return this.config.generation + this.config.pathMtus.generation(this.now);
  }

  route(daddr: InetAddr): Route | undefined {
    const generation = this.config.generation + this.config.pathMtus.lookupGeneration(this.now);
    if (this.#routesOf !== generation) {
      this.#routes.clear();
      this.#routesOf = generation;
    }
    const key = inetToString(daddr);
    if (!this.#routes.has(key)) {
      const found = this.config.fib.lookup(daddr);
      this.#routes.set(key, found && this.wayOut(found, daddr));
    }
    return this.#routes.get(key);
  }

  addrType(addr: InetAddr): AddrType {
    if (inetIsAny(addr)) return 'unspecified';
    const w = addr.words[0]!;
    if (addr.family === AF_INET ? w >>> 28 === 14 : w >>> 24 === 255) return 'multicast';
    if (addr.family === AF_INET && w === -1) return 'broadcast';
    if (isLinkLocal(addr)) return 'linklocal';
    const type = this.config.fib.lookup(addr)?.type;
    return type === 'local' || type === 'broadcast' ? type : 'unicast';
  }

  isLocal(family: number, words: Int32Array, at: number): boolean {
    return this.config.fib.isLocal(family, words, at);
  }

  transmit(packet: Packet, route: Route): void {
    // what IPVS sends passes LOCAL_OUT, where fragments are looked for once more
    if (this.defrag6 && packet.view.getUint8(packet.data) >>> 4 === 6 && defragment6(this, packet) === KEPT)
      return;
    output(this, packet, route);
  }

  icmpSend(packet: Packet, type: number, code: number, info: number): void {
    const itself = this.arrival?.at === packet.data && packet.view.getUint8(packet.data) >>> 4 === 4;
    if (itself && type === 3 && code === 1) hostUnreachable4(this, packet, this.arrival);
    else icmpError(this, packet, type, code, info, this.arrival);
  }

  /** Only rules make a way depend on the source. */
  get reroutes(): ((packet: Packet) => boolean) | undefined {
    return this.config.fib.rules.length > 0 ? this.#reroutes : undefined;
  }

  updatePmtu(daddr: InetAddr, mtu: number): void {
    const found = this.config.fib.lookup(daddr);
    const way = found && this.wayOut(found, daddr);
    if (way === undefined || (way.local && daddr.family !== AF_INET)) return;
    this.config.pathMtus.update(found!, daddr, mtu, way.mtu, this.now);
  }

  get unprivilegedPortStart(): number {
    return this.sysctls.get('ipv4/ip_unprivileged_port_start');
  }

  /** What Linux and the recorder leave of them, within some hundred pages. */
  availablePages(): number {
    return 82_500;
  }

  debug(text: string): void {
    this.onDebug(text);
  }

  interfaceMtu(name: string): number | undefined {
    return this.config.links.find((link) => link.name === name)?.mtu;
  }

  openSyncSender(options: SyncSocketOptions): SyncSender {
    return openSyncSender(this, options);
  }

  openSyncReceiver(options: SyncSocketOptions, receive: (message: Uint8Array) => void): SyncReceiver {
    const close = this.sockets.join(
      this.config.link(options.interface),
      options.group,
      options.port,
      receive,
    );
    return { close };
  }
}
