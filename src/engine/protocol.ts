/** `struct ip_vs_protocol` and `struct ip_vs_proto_data`: what the engine asks of a transport protocol. */
import type { Packet } from '../wire/packet.js';
import type { AppInc } from './app.js';
import type { ConnKey } from './conn-table.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/** Direction of a packet: from the client. */
export const DIR_INPUT = 0;
/** Direction of a packet: from the real server. */
export const DIR_OUTPUT = 1;

/**
 * Answer of `connSchedule`: go on, with `ipvs.scheduled` holding the new connection (or `NO_CONN`, then the packet is none of ours);
 * otherwise a netfilter verdict that ends the packet's way.
 */
export const SCHEDULE_GO_ON = -1;

/** One protocol, for all namespaces. Connections are indices into `ipvs.conns`. No operation throws or allocates. */
export interface Protocol {
  readonly name: string;
  readonly protocol: number;
  readonly numStates: number;
  /** Fragments are not put together for it (AH, ESP). */
  readonly dontDefrag: boolean;
  /** Fills a namespace's data: timeouts and tables (`init_netns`). */
  initNetns(ipvs: NetnsIpvs, pd: ProtoData): void;
  /** Decides whether an unknown packet opens a connection, and opens it (`conn_schedule`). */
  connSchedule(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number;
  /** The connection of a packet in the client's direction, or `NO_CONN` (`conn_in_get`). */
  connInGet(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number;
  /** The connection of a packet in the server's direction, or `NO_CONN` (`conn_out_get`). */
  connOutGet(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number;
  /** Rewrites ports and checksum of a reply; false drops it. The addresses are still the old ones (`snat_handler`). */
  snatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean;
  /** Rewrites ports and checksum of a request; false drops it (`dnat_handler`). */
  dnatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean;
  /** True when the transport checksum is right or not to be checked (`csum_check`). */
  csumCheck(packet: Packet, iph: IpHdr): boolean;
  /** A state as listings show it (`state_name`). */
  stateName(state: number): string;
  /** What a packet says of where from and where to, for people (`debug_packet`). The transport header is at `iph.len`. */
  debugPacket(packet: Packet, iph: IpHdr): string;
  /** Moves a connection on and sets its timeout (`state_transition`). */
  stateTransition(ipvs: NetnsIpvs, c: number, direction: number, packet: Packet, pd: ProtoData): void;
  /** Puts an application on a port (`register_app`). Absent where there are no ports. @throws INVALID when the port has one. */
  registerApp?(pd: ProtoData, inc: AppInc): void;
  /** Takes it off again (`unregister_app`). */
  unregisterApp?(pd: ProtoData, inc: AppInc): void;
  /** Binds a new connection to the application on its port, if there is one (`app_conn_bind`). */
  appConnBind?(ipvs: NetnsIpvs, c: number, pd: ProtoData): void;
  /** The hardened tables go on or off with `secure_tcp` (`timeout_change`). */
  timeoutChange(pd: ProtoData, secure: boolean): void;
}

/** A protocol's data in one network namespace. */
export class ProtoData {
  readonly pp: Protocol;
  /** Jiffies by state (`timeout_table`). */
  timeoutTable: Int32Array = new Int32Array(0);
  /** State tables in force (`tcp_state_table`): see the protocol's own file for the layout. */
  stateTable: Uint8Array = new Uint8Array(0);
  /** Applications on ports of this protocol (`appcnt`), */
  appcnt = 0;
  /** by port (`tcp_apps`, `udp_apps`, `sctp_apps`). */
  readonly apps = new Map<number, AppInc>();

  constructor(pp: Protocol) {
    this.pp = pp;
  }
}

/** A reusable key for look-ups. */
export function emptyKey(): ConnKey {
  return { family: 2, protocol: 0, caddr: new Int32Array(4), cport: 0, vaddr: new Int32Array(4), vport: 0 };
}
