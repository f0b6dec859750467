/** Application helpers: what understands a protocol whose text names addresses and ports (`ip_vs_app.c`). */
import { IpvsError } from '../errors.js';
import { checksumFold, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from '../wire/checksum.js';
import { AF_INET } from '../wire/inet.js';
import { CHECKSUM_PARTIAL, type Packet } from '../wire/packet.js';
import { C_FLAGS, HOT_SHIFT } from './conn-table.js';
import type { Conntrack } from './ct-table.js';
import { CONN_F_APP, CONN_F_FWD_MASK, CONN_F_MASQ, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { ProtoData } from './protocol.js';
import { ConnSeq } from './seq.js';

/** Offset of the length field in a UDP header (RFC 768). */
const UDP_LENGTH = 4;

/** A packet in the hands of an application. The addresses and ports in its headers are those it came with. */
export interface AppPacket {
  readonly ipvs: NetnsIpvs;
  readonly packet: Packet;
  readonly iph: IpHdr;
  /** Its connection. */
  readonly c: number;
  /** What the application keeps of that connection. */
  readonly conn: AppConn;
  /** The packet as connection tracking sees it; null when it does not. */
  readonly ct: Conntrack | null;
}

/** A helper for one protocol (`struct ip_vs_app`). Nothing it does may throw. */
export interface App {
  /** As listings show it, at most 16 characters. */
  readonly name: string;
  /** It changes text through connection tracking, which is at work for services on its ports. */
  readonly conntrack?: true;
  /** A connection is bound to it (`init_conn`). */
  initConn?(ipvs: NetnsIpvs, c: number, conn: AppConn): void;
  /** A bound connection ends (`done_conn`). */
  doneConn?(ipvs: NetnsIpvs, c: number, conn: AppConn): void;
  /** Sees, and may change, what a client sends; false drops it (`pkt_in`). */
  pktIn?(packet: AppPacket): boolean;
  /** Sees, and may change, what a real server sends; false drops it (`pkt_out`). */
  pktOut?(packet: AppPacket): boolean;
}

/** A helper on one port of one protocol (`ip_vs_app`'s incarnation). */
export class AppInc {
  readonly app: App;
  readonly protocol: number;
  readonly port: number;
  /** Connections bound to it. */
  usecnt = 0;

  constructor(app: App, protocol: number, port: number) {
    this.app = app;
    this.protocol = protocol;
    this.port = port;
  }
}

/** What a connection has with its helper: `app`, `app_data`, `in_seq`, `out_seq` of `struct ip_vs_conn`. */
export class AppConn {
  readonly inc: AppInc;
  /** The application's own (`app_data`). */
  data: unknown = undefined;
  readonly inSeq = new ConnSeq();
  readonly outSeq = new ConnSeq();
  /** Bytes by which the application has made the packet in work longer, when the sequence numbers behind it are IPVS's own matter. */
  diff = 0;

  constructor(inc: AppInc) {
    this.inc = inc;
  }
}

/**
 * Puts a helper on a port (`register_ip_vs_app_inc`). It helps connections that are made from then on.
 * @throws NOT_SUPPORTED for a protocol without ports, INVALID when the port has one already.
 */
export function registerApp(ipvs: NetnsIpvs, app: App, protocol: number, port: number): void {
  const pd = ipvs.protoData[protocol];
  if (pd?.pp.registerApp === undefined)
    throw new IpvsError('NOT_SUPPORTED', `protocol ${protocol} has no applications`, 'protocol');
  const inc = new AppInc(app, protocol, port);
  pd.pp.registerApp(pd, inc);
  ipvs.appList.unshift(inc);
}

/** Takes a helper off all its ports; connections that it helps go on without it (`unregister_ip_vs_app`). */
export function unregisterApp(ipvs: NetnsIpvs, app: App): void {
  for (const inc of ipvs.appList.filter((i) => i.app === app)) {
    const pd = ipvs.protoData[inc.protocol]!;
    pd.pp.unregisterApp?.(pd, inc);
    ipvs.appList.splice(ipvs.appList.indexOf(inc), 1);
    for (const [c, conn] of ipvs.appConns) if (conn.inc === inc) unbindApp(ipvs, c);
  }
}

/** The helper that looks at connections to this port, or undefined. */
export function appOn(ipvs: NetnsIpvs, protocol: number, port: number): App | undefined {
  return ipvs.protoData[protocol]?.apps.get(port)?.app;
}

/** `register_app` of the protocols with ports. */
export function registerPortApp(pd: ProtoData, inc: AppInc): void {
  if (pd.apps.has(inc.port))
    throw new IpvsError('INVALID', `port ${inc.port} has an application already`, 'port');
  pd.apps.set(inc.port, inc);
  pd.appcnt++;
}

/** `unregister_app` of the protocols with ports. */
export function unregisterPortApp(pd: ProtoData, inc: AppInc): void {
  if (pd.apps.get(inc.port) !== inc) return;
  pd.apps.delete(inc.port);
  pd.appcnt--;
}

/** `app_conn_bind` of the protocols with ports: by the virtual port, and only for NAT, where the text has to be changed. */
export function bindPortApp(ipvs: NetnsIpvs, c: number, pd: ProtoData): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  if ((hot[h + C_FLAGS]! & CONN_F_FWD_MASK) !== CONN_F_MASQ) return;
  const inc = pd.apps.get(ipvs.conns.vport(c));
  if (inc === undefined) return;
  const conn = new AppConn(inc);
  inc.usecnt++;
  ipvs.appConns.set(c, conn);
  hot[h + C_FLAGS] = hot[h + C_FLAGS]! | CONN_F_APP;
  inc.app.initConn?.(ipvs, c, conn);
}

/** The connection has no helper any more (`ip_vs_unbind_app`). */
export function unbindApp(ipvs: NetnsIpvs, c: number): void {
  const conn = ipvs.appConns.get(c);
  if (conn === undefined) return;
  conn.inc.app.doneConn?.(ipvs, c, conn);
  conn.inc.usecnt--;
  ipvs.appConns.delete(c);
  const h = (c << HOT_SHIFT) + C_FLAGS;
  ipvs.conns.hot[h] = ipvs.conns.hot[h]! & ~CONN_F_APP;
}

/**
 * Replaces `length` bytes of a packet's payload. Lengths in the IP header follow, and the transport checksum is left to
 * whoever sends the packet, as the kernel does (`nf_nat_mangle_tcp_packet`).
 * @param at offset in `packet.bytes`. @param checkOffset of the checksum field in the transport header.
 * @returns by how much the packet has become longer, or undefined when there is no room for that.
 */
export function manglePayload(
  packet: Packet,
  iph: IpHdr,
  checkOffset: number,
  at: number,
  length: number,
  replacement: Uint8Array,
): number | undefined {
  const { bytes, view } = packet;
  const diff = replacement.length - length;
  const end = packet.data + packet.len;
  if (end + diff > bytes.length || packet.len + diff > 0xffff) return undefined;
  bytes.copyWithin(at + replacement.length, at + length, end);
  bytes.set(replacement, at);
  packet.len += diff;
  const ip = packet.data;
  if (iph.family === AF_INET) {
    view.setUint16(ip + 2, packet.len);
    ipv4SetChecksum(view, ip, (view.getUint8(ip) & 15) << 2);
  } else {
    view.setUint16(ip + 4, view.getUint16(ip + 4) + diff);
  }
  if (iph.protocol === IPPROTO_UDP) view.setUint16(ip + iph.len + UDP_LENGTH, packet.len - iph.len);
  leaveChecksum(packet, iph, checkOffset);
  return diff;
}

/** The packet's checksum is to be made when it is sent: until then the field holds the sum of the pseudo header. */
export function leaveChecksum(packet: Packet, iph: IpHdr, checkOffset: number): void {
  const size = packet.len - iph.len;
  const sum =
    iph.family === AF_INET
      ? pseudoSum4(packet.view, packet.data, iph.protocol, size)
      : pseudoSum6(packet.view, packet.data, iph.protocol, size);
  packet.view.setUint16(packet.data + iph.len + checkOffset, checksumFold(sum));
  packet.ipSummed = CHECKSUM_PARTIAL;
  packet.csumStart = iph.len;
  packet.csumOffset = checkOffset;
}
