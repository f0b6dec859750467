/** What the engine needs of the machine it runs on. The engine itself reads no clock, no device and no table of routes. */
import type { InetAddr } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';

/** A way out: what `ip_route_output` finds for a destination. Nothing but a learnt `mtu` changes after it was handed out. */
export interface Route {
  /** The destination is an address of this host. */
  readonly local: boolean;
  /** Outgoing interface. */
  readonly ifindex: number;
  /** Bytes, path MTU included when one was learnt. */
  readonly mtu: number;
  /**
   * The MTU was learnt on the way, and a smaller one since then would not show here: it has to be asked for again, where an interface's is only
   * looked up anew by the next packet.
   */
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
  /**
   * With `snat_reroute`, of an answer whose source was replaced: false when no way leads out from that source (`ip_route_me_harder`), so that
   * it is dropped. Absent where ways do not depend on sources, or the system routes what it is given back.
   */
  readonly reroutes?: ((packet: Packet) => boolean) | undefined;
  /** Learns a smaller path MTU towards `daddr` (`update_pmtu`). */
  updatePmtu(daddr: InetAddr, mtu: number): void;
  /** First port that needs no privilege (`net.ipv4.ip_unprivileged_port_start`). */
  readonly unprivilegedPortStart: number;
  /** Free memory pages plus buffer pages, for the defence strategies. */
  availablePages(): number;
  /** Pages that buffers may have in all (`nr_free_buffer_pages`), of which sync messages get a part; when absent, what is available. */
  readonly bufferPages?: number;
  /** Shows a text that `debug_level` asks for. Absent where nobody looks. */
  debug?(text: string): void;
  /** MTU of the interface of that name, bytes; undefined when there is none. */
  interfaceMtu(name: string): number | undefined;
  /** Opens the socket of a thread of the sync master. @throws NO_NETWORK, NO_ADDRESS, SYSTEM */
  openSyncSender(options: SyncSocketOptions): SyncSender;
  /**
   * Opens the socket of a thread of the sync backup.
   * @param receive takes each datagram that comes in by the interface for the group and port; it may not keep the bytes.
   * @throws SYSTEM
   */
  openSyncReceiver(options: SyncSocketOptions, receive: (message: Uint8Array) => void): SyncReceiver;
}

/** What the UDP socket of a sync thread is to be. */
export interface SyncSocketOptions {
  /** Name of the interface that it uses, and no other. */
  readonly interface: string;
  /** Multicast group. */
  readonly group: InetAddr;
  readonly port: number;
  /** TTL or hop limit of what it sends; it does not hear itself. */
  readonly ttl: number;
  /** Bytes of its buffer (`sync_sock_size`); 0 for what the system gives. */
  readonly bufferSize: number;
}

/** The socket of a thread of the sync backup. */
export interface SyncReceiver {
  close(): void;
}

/** The socket of a thread of the sync master. */
export interface SyncSender {
  /** Sends a message. @returns false when there is no room for it now; any other failure loses the message. */
  send(message: Uint8Array): boolean;
  close(): void;
}
