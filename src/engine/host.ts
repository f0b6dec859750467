/** What the engine needs of the machine it runs on. The engine itself reads no clock, no device and no table of routes. */
import type { InetAddr } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';

/** A way out: what `ip_route_output` finds for a destination. Never changed after it was handed out. */
export interface Route {
  /** The destination is an address of this host. */
  readonly local: boolean;
  /** Outgoing interface. */
  readonly ifindex: number;
  /** Bytes, path MTU included when one was learnt. */
  readonly mtu: number;
  /** The MTU was learnt on the way: a smaller one replaces it at once, where an interface's is only looked up anew by the next packet. */
  readonly mtuLearnt: boolean;
  /** Source address that this host would use. */
  readonly source: InetAddr;
  /** The neighbour to send to: the gateway, or the destination itself. */
  readonly nextHop: InetAddr;
}

/** What an address is to this host (`inet_addr_type`, `ipv6_addr_type`). */
export type AddrType = 'unicast' | 'local' | 'broadcast' | 'multicast' | 'unspecified' | 'linklocal';

/** The machine around one network namespace. */
export interface Host {
  /** Counts changes of routes and addresses: a cached route is good while this stays the same. */
  readonly routeGeneration: number;
  /** The route to `daddr`, or undefined when there is none. May be kept until `routeGeneration` changes. */
  route(daddr: InetAddr): Route | undefined;
  addrType(addr: InetAddr): AddrType;
  /** True when the IPv4 or IPv6 address at `words[at]` is one of this host's. Called per packet: must not allocate. */
  isLocal(family: number, words: Int32Array, at: number): boolean;
  /**
   * Sends `packet` by `route`, which overrides the packet's own destination address (direct routing). Completes partial checksums, cuts fragments.
   * The packet's buffer is the host's until this returns.
   */
  transmit(packet: Packet, route: Route): void;
  /** Sends an ICMP or ICMPv6 error about `packet` to its source (`icmp_send`, `icmpv6_send`), under the host's own rules. */
  icmpSend(packet: Packet, type: number, code: number, info: number): void;
  /** Learns a smaller path MTU towards `daddr` (`update_pmtu`). */
  updatePmtu(daddr: InetAddr, mtu: number): void;
  /** First port that needs no privilege (`net.ipv4.ip_unprivileged_port_start`). */
  readonly unprivilegedPortStart: number;
  /** Free memory pages plus buffer pages, for the defence strategies. */
  availablePages(): number;
  /** True when an interface of that name exists. */
  hasInterface(name: string): boolean;
}
