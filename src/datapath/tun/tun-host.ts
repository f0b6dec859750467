/** The machine around the engine, for the TUN data path: the kernel's tables, and the ways out. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type {
  AddrType,
  Host,
  Route,
  SyncReceiver,
  SyncSender,
  SyncSocketOptions,
} from '../../engine/host.js';
import type { PacketSocket } from '../../linux/packet-socket.js';
import type { KernelRoute } from '../../linux/rt-route.js';
import { readSysctlIfAny } from '../../linux/sysctl.js';
import type { TunDevice } from '../../linux/tun.js';
import { readVnetHeader, TUN_VNET_HEADER, writeVnetHeader } from '../../linux/vnet-header.js';
import { fragment4, fragment6 } from '../../wire/fragment.js';
import {
  ICMP_DEST_UNREACH,
  ICMP_HOST_UNREACH,
  ICMPV6_ADDR_UNREACH,
  ICMPV6_DEST_UNREACH,
} from '../../wire/icmp.js';
import { buildIcmpError } from '../../wire/icmp-error.js';
import { AF_INET, AF_INET6, type Family, type InetAddr, inetFromBytes } from '../../wire/inet.js';
import { IP_DF, ipv4Version } from '../../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../../wire/ipv6.js';
import { HEADROOM, Packet } from '../../wire/packet.js';
import { segmentTcp } from '../../wire/segment.js';
import { tcpHeaderLength } from '../../wire/tcp.js';
import { IcmpLimit } from './icmp-limit.js';
import { type HostRoute, KernelView } from './kernel-view.js';
import type { NeighbourEntry } from './neighbours.js';
import { Output } from './output.js';
import { SyncSockets } from './sync-sockets.js';
import { finishTunnelled, innerOffset } from './tunnel-offload.js';

/** Counts of what the host itself did with packets. */
export interface HostCounters {
  /** No neighbour: the queue was full, or nobody answered. */
  unresolved: number;
  /** ICMP errors sent, and those that the rate limit held back. */
  icmpSent: number;
  icmpLimited: number;
}

/** How long what /proc/meminfo says is believed, ms. */
const MEMORY_LIFE = 1000;
const PAGE_KB = 4;

/** {@link Host} on a network namespace of this machine. The loop keeps `now` and calls `follow` and `tick`. */
export class TunHost implements Host {
  /**
   * True while all that the engine sends leaves for its next hop at once, past the kernel's routing and its firewall: as what the fast path carries does,
   * and for less. Otherwise only what the kernel would send elsewhere.
   */
  pastRouting: () => boolean = () => false;
  /** The loop's clock, ms. */
  now = 0;
  readonly unprivilegedPortStart: number;
  readonly counters: HostCounters = { unresolved: 0, icmpSent: 0, icmpLimited: 0 };
  readonly kernel: KernelView;
  readonly output: Output;
  readonly sync: SyncSockets;
  readonly #limit = new IcmpLimit();
  readonly #error = new Packet(4096);
  readonly #held = new Packet();
  readonly #fragment = new Packet();
  #memory = { pages: 0, until: Number.NEGATIVE_INFINITY };
  /** Where the packets that `segmentTcp` and `fragment4` emit go: set for the time of one call. */
  #route: HostRoute | undefined;
  #direct = false;
  /** Identification of the next IPv6 datagram that is cut; 32 bits. */
  #fragmentId = randomInt(2 ** 31);

  readonly #show: (text: string) => void;

  /** @param show takes what `debug_level` shows. */
  constructor(
    families: readonly Family[],
    tun: TunDevice,
    socket: PacketSocket,
    show: (text: string) => void,
  ) {
    this.#show = show;
    this.output = new Output(tun, socket);
    this.kernel = new KernelView(families, {
      resolved: (bytes, entry) => {
        this.#sendTo(this.#restore(bytes), entry.ifindex, entry.hardware);
      },
      failed: (bytes) => {
        this.counters.unresolved++;
        const p = this.#restore(bytes);
        if (ipv4Version(p.view, p.data) === 4) this.icmpSend(p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
        else this.icmpSend(p, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
      },
    });
    this.sync = new SyncSockets((name) => this.kernel.linkNamed(name)?.index);
    this.unprivilegedPortStart = Number(readSysctlIfAny('net/ipv4/ip_unprivileged_port_start') ?? 1024);
  }

  get routeGeneration(): number {
    return this.kernel.generation;
  }

  route(daddr: InetAddr): Route | undefined {
    return this.kernel.route(daddr);
  }

  plainRoutes(family: Family): readonly KernelRoute[] | undefined {
    return this.kernel.plainRoutes(family);
  }

  hasEthernet(ifindex: number): boolean {
    return this.kernel.hasEthernet(ifindex);
  }

  get neighbourGeneration(): number {
    return this.kernel.neighbours.generation;
  }

  neighbour(ifindex: number, address: InetAddr): NeighbourEntry {
    return this.kernel.neighbours.find(ifindex, address, this.now);
  }

  hardwareAddress(ifindex: number): Uint8Array | undefined {
    return this.kernel.link(ifindex)?.address;
  }

  addrType(addr: InetAddr): AddrType {
    return this.kernel.locals.type(addr);
  }

  isLocal(family: number, words: Int32Array, at: number): boolean {
    return this.kernel.locals.has(family, words, at);
  }

  debug(text: string): void {
    this.#show(text);
  }

  interfaceMtu(name: string): number | undefined {
    return this.kernel.linkNamed(name)?.mtu;
  }

  openSyncSender(options: SyncSocketOptions): SyncSender {
    return this.sync.openSender(options);
  }

  openSyncReceiver(options: SyncSocketOptions, receive: (message: Uint8Array) => void): SyncReceiver {
    return this.sync.openReceiver(options, receive);
  }

  transmit(packet: Packet, route: Route): void {
    // every route comes from route()
    const way = route as HostRoute;
    if (way.local) {
      this.output.deliver(packet);
      return;
    }
    this.#route = way;
    // NAT and tunnels send to the address that the route was looked up for: the kernel finds it as well
    this.#direct = this.pastRouting() || !isAddressedTo(packet, way.destination);
    if (innerOffset(packet) !== 0) finishTunnelled(packet, this.#emitWhole);
    else if (this.#direct && segmentLength(packet) > way.mtu) segmentTcp(packet, this.#emitWhole);
    else this.#emitWhole(packet);
  }

  /** Sends on what the engine let pass, by the packet's own destination: up this host's stack when `local`. */
  pass(packet: Packet, local: boolean): void {
    if (local) this.output.deliver(packet);
    else if (packet.fragMaxSize === 0) this.output.forward(packet);
    else {
      // it came in fragments, and goes in fragments
      const route = this.kernel.route(destinationOf(packet));
      if (route !== undefined) this.transmit(packet, route);
    }
  }

  icmpSend(packet: Packet, type: number, code: number, info: number): void {
    const v = packet.view;
    const family = ipv4Version(v, packet.data) === 4 ? AF_INET : AF_INET6;
    const [sourceAt, destinationAt] = family === AF_INET ? [12, 16] : [IPV6_SOURCE, IPV6_DESTINATION];
    if (packet.len < destinationAt + (family === AF_INET ? 4 : 16)) return;
    const client = inetFromBytes(family, packet.bytes, packet.data + sourceAt);
    const target = inetFromBytes(family, packet.bytes, packet.data + destinationAt);
    if (!this.#limit.allow(client, type, code, this.now)) {
      this.counters.icmpLimited++;
      return;
    }
    const source = this.addrType(target) === 'local' ? target : this.route(client)?.source;
    if (source === undefined || !buildIcmpError(this.#error, packet, type, code, info, source)) return;
    this.counters.icmpSent++;
    if (this.addrType(client) === 'local') this.output.deliver(this.#error);
    else this.output.forward(this.#error);
  }

  updatePmtu(daddr: InetAddr, mtu: number): void {
    this.kernel.learnMtu(daddr, mtu, this.now);
  }

  availablePages(): number {
    if (this.now >= this.#memory.until) {
      this.#memory = { pages: readFreePages(), until: this.now + MEMORY_LIFE };
    }
    return this.#memory.pages;
  }

  /** Sends one packet that needs no segmentation; cuts it when it is too long and may be cut. */
  readonly #emitWhole = (p: Packet): void => {
    const mtu = this.#route!.mtu;
    if (p.gsoSize !== 0 || p.len <= mtu || !this.#mustCut(p)) this.#emit(p);
    else if (ipv4Version(p.view, p.data) === 4) fragment4(p, mtu, this.#emitFragment);
    else fragment6(p, mtu, ++this.#fragmentId, this.#emitFragment);
  };

  /** The kernel cuts what it routes itself, unless the packet says DF; the engine may have allowed it all the same. */
  #mustCut(p: Packet): boolean {
    if (this.#direct || ipv4Version(p.view, p.data) !== 4) return true;
    return p.ignoreDf && (p.view.getUint16(p.data + 6) & IP_DF) !== 0;
  }

  readonly #emitFragment = (bytes: Uint8Array): void => {
    this.#fragment.load(bytes);
    this.#emit(this.#fragment);
  };

  #emit(p: Packet): void {
    if (!this.#direct) {
      this.output.forward(p);
      return;
    }
    const { ifindex, nextHop } = this.#route!;
    if (!this.kernel.hasEthernet(ifindex)) {
      this.output.send(p, ifindex, undefined, undefined);
      return;
    }
    let neighbour = this.#route!.neighbour;
    if (neighbour === undefined || neighbour.stale) {
      neighbour = this.kernel.neighbours.find(ifindex, nextHop, this.now);
      this.#route!.neighbour = neighbour;
    }
    neighbour.used = true;
    if (neighbour.hardware !== undefined) this.#sendTo(p, ifindex, neighbour.hardware);
    else this.#hold(p, neighbour);
  }

  #sendTo(p: Packet, ifindex: number, hardware: Uint8Array | undefined): void {
    this.output.send(p, ifindex, hardware, this.kernel.link(ifindex)?.address);
  }

  /** Keeps a packet, with its virtio-net header, until its neighbour is known. */
  #hold(p: Packet, neighbour: NeighbourEntry): void {
    const at = p.data - TUN_VNET_HEADER;
    writeVnetHeader(p, at, 0);
    const bytes = p.bytes.subarray(at, p.data + p.len);
    if (!this.kernel.neighbours.hold(neighbour, bytes, this.now)) this.counters.unresolved++;
  }

  /** Brings a packet that was held back. */
  #restore(bytes: Uint8Array): Packet {
    const p = this.#held;
    p.bytes.set(bytes, HEADROOM - TUN_VNET_HEADER);
    p.reset(HEADROOM, bytes.length - TUN_VNET_HEADER);
    readVnetHeader(p, HEADROOM - TUN_VNET_HEADER);
    return p;
  }
}

/** The packet goes where its own header says. */
function isAddressedTo(p: Packet, address: InetAddr): boolean {
  const v = p.view;
  const { family, words } = address;
  if (family === AF_INET) return ipv4Version(v, p.data) === 4 && v.getInt32(p.data + 16) === words[0];
  if (ipv4Version(v, p.data) !== 6) return false;
  for (let i = 0; i < 4; i++) if (v.getInt32(p.data + IPV6_DESTINATION + 4 * i) !== words[i]) return false;
  return true;
}

function destinationOf(p: Packet): InetAddr {
  const v4 = ipv4Version(p.view, p.data) === 4;
  return inetFromBytes(v4 ? AF_INET : AF_INET6, p.bytes, p.data + (v4 ? 16 : IPV6_DESTINATION));
}

/** Bytes of the largest segment of a packet that is many in one; 0 for an ordinary packet. */
function segmentLength(p: Packet): number {
  return p.gsoSize === 0 ? 0 : p.csumStart + tcpHeaderLength(p.view, p.data + p.csumStart) + p.gsoSize;
}

/** Free pages and pages of buffers. */
function readFreePages(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return Math.floor((kilobytes('MemFree') + kilobytes('Buffers')) / PAGE_KB);
}
