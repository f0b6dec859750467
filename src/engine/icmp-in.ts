/** ICMP errors on their way in: about packets that were sent to clients, or into tunnels (`ip_vs_in_icmp`, `_v6`). */
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_HEADER } from '../wire/icmp.js';
import { AF_INET, inet4 } from '../wire/inet.js';
import { IP_DF, IP_OFFSET, IPV4_MIN } from '../wire/ipv4.js';
import type { Packet } from '../wire/packet.js';
import { UDP_HEADER } from '../wire/udp.js';
import { connPut, destOf } from './conn.js';
import { C_FLAGS, HOT_SHIFT, NO_CONN } from './conn-table.js';
import { NOT_RELATED } from './core.js';
import type { Dest } from './dest.js';
import { fillIphdrIcmp } from './fill-iphdr.js';
import {
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  IPPROTO_UDP,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
  TUNNEL_TYPE_IPIP,
} from './flags.js';
import { isIcmpError } from './icmp-out.js';
import type { IpHdr } from './iphdr.js';
import { icmpChecksumOk } from './nat-icmp.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { SCHEDULE_GO_ON } from './protocol.js';
import { inStats, outStats } from './traffic.js';
import { NF_ACCEPT, NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_STOLEN } from './verdict.js';
import { icmpXmit } from './xmit.js';

const IPPROTO_IPIP = 4;
const IPPROTO_GRE = 47;
const GUE_HEADER = 4;
const GRE_CSUM = 0x8000;
const ETH_P_IP = 0x0800;
/** No IPv4 network has a smaller MTU. */
const MIN_MTU = 68;

/** The verdict, or `NOT_RELATED` when the message is no error. */
export function inIcmp(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  if (iph.len + ICMP_HEADER > packet.len) return NF_DROP;
  if (!isIcmpError(iph.family, packet.view.getUint8(packet.data + iph.len))) return NOT_RELATED;
  if (iph.fragment) return NF_DROP;
  const ciph = ipvs.ciph;
  const off = iph.len + ICMP_HEADER;
  if (!fillIphdrIcmp(packet, off, true, iph.family, ciph)) return NF_ACCEPT;
  let tunnelHeaders = 0;
  if (iph.family === AF_INET && isTunnelProtocol(ciph.protocol)) {
    const length = tunnelLength(ipvs, packet, ciph);
    if (length < 0) return NF_ACCEPT;
    if (length > 0) {
      tunnelHeaders = length;
      if (!fillIphdrIcmp(packet, off + length, false, AF_INET, ciph)) return NF_ACCEPT;
    }
  }
  const tunnel = tunnelHeaders > 0;
  const pd = ipvs.protoData[ciph.protocol];
  if (pd === undefined) return NF_ACCEPT;
  if (ciph.fragoffs !== 0 && (pd.pp.dontDefrag || iph.family !== AF_INET)) return NF_ACCEPT;
  let c = pd.pp.connInGet(ipvs, packet, ciph);
  let made = false;
  if (c === NO_CONN) {
    if (tunnel || ipvs.sysctls.values.schedule_icmp === 0) return NF_ACCEPT;
    const verdict = pd.pp.connSchedule(ipvs, packet, pd, ciph);
    if (verdict !== SCHEDULE_GO_ON) return verdict;
    c = ipvs.scheduled;
    if (c === NO_CONN) return NF_ACCEPT;
    made = true;
  }
  const verdict = tunnel
    ? relayFromTunnel(ipvs, packet, iph, ciph, c, off, tunnelHeaders)
    : relay(ipvs, packet, iph, ciph, c);
  if (made) connPut(ipvs, c);
  return verdict;
}

function relay(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr, ciph: IpHdr, c: number): number {
  const masq = (ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) === CONN_F_MASQ;
  if (iph.family === AF_INET) {
    if (!icmpChecksumOk(packet, iph)) return NF_DROP;
  } else if (ipvs.hook === NF_INET_LOCAL_OUT && !masq) {
    return NF_ACCEPT;
  }
  inStats(ipvs, c, packet.len);
  return icmpXmit(ipvs, packet, c, ipvs.protoData[ciph.protocol]!.pp, iph, ciph);
}

function isTunnelProtocol(protocol: number): boolean {
  return protocol === IPPROTO_IPIP || protocol === IPPROTO_UDP || protocol === IPPROTO_GRE;
}

/** Bytes of the tunnel's headers in the error when it is about a tunnel of ours; 0 when it is not; -1 to let it pass. */
function tunnelLength(ipvs: NetnsIpvs, packet: Packet, ciph: IpHdr): number {
  const v = packet.view;
  const header = packet.data + ciph.off;
  const transport = packet.data + ciph.len;
  const end = packet.data + packet.len;
  const later = (v.getUint16(header + 6) & IP_OFFSET) !== 0;
  // an error about a packet that this host sent comes to this host
  const forUs = ipvs.hook !== NF_INET_FORWARD;
  const rs = ipvs.realServers;
  let dest: Dest | undefined;
  if (ciph.protocol === IPPROTO_IPIP) {
    if (later || !forUs) return -1;
    dest = rs.findTunnel(AF_INET, ciph.daddr, 0);
    return dest?.tunType === TUNNEL_TYPE_IPIP ? ciph.len - ciph.off : -1;
  }
  if (!forUs) return 0;
  // it has no header to see a tunnel by
  if (later) return -1;
  if (ciph.protocol === IPPROTO_UDP) {
    if (transport + UDP_HEADER + GUE_HEADER > end) return 0;
    dest = rs.findTunnel(AF_INET, ciph.daddr, v.getUint16(transport + 2));
    if (dest?.tunType !== TUNNEL_TYPE_GUE) return 0;
    const first = v.getUint8(transport + UDP_HEADER);
    // version 0, no control message, an IPv4 packet inside
    if (first >>> 5 !== 0 || v.getUint8(transport + UDP_HEADER + 1) !== IPPROTO_IPIP) return 0;
    return ciph.len - ciph.off + UDP_HEADER + GUE_HEADER + ((first & 31) << 2);
  }
  if (transport + 4 > end) return 0;
  dest = rs.findTunnel(AF_INET, ciph.daddr, 0);
  if (dest?.tunType !== TUNNEL_TYPE_GRE) return 0;
  const flags = v.getUint16(transport);
  if ((flags & ~GRE_CSUM) !== 0 || v.getUint16(transport + 2) !== ETH_P_IP) return 0;
  return ciph.len - ciph.off + ((flags & GRE_CSUM) !== 0 ? 8 : 4);
}

/** The path to where the packet in the error was sent takes no more than `mtu` bytes (`ipv4_update_pmtu`). @param off of that packet. */
function learnPmtu(ipvs: NetnsIpvs, packet: Packet, off: number, mtu: number): void {
  const host = ipvs.net.host;
  const v = packet.view;
  const header = packet.data + off;
  const sent = Int32Array.of(v.getInt32(header + 12), 0, 0, 0);
  if (!host.isLocal(AF_INET, sent, 0)) return;
  host.updatePmtu(inet4(v.getInt32(header + 16)), mtu);
}

/** Tells the client what a router said about the packet that carried its own. */
function relayFromTunnel(
  ipvs: NetnsIpvs,
  packet: Packet,
  iph: IpHdr,
  ciph: IpHdr,
  c: number,
  off: number,
  tunnelHeaders: number,
): number {
  if (!icmpChecksumOk(packet, iph)) return NF_DROP;
  const v = packet.view;
  const icmp = packet.data + iph.len;
  const type = v.getUint8(icmp);
  const code = v.getUint8(icmp + 1);
  let info = v.getUint32(icmp + 4);
  const host = ipvs.net.host;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) {
    const dest = destOf(ipvs, c);
    let mtu = v.getUint16(icmp + 6);
    learnPmtu(ipvs, packet, off, mtu);
    if ((v.getUint16(packet.data + ciph.off + 6) & IP_DF) === 0) return NF_STOLEN;
    // the kernel asks the route that it has cached, which may not know yet
    if (dest?.route !== undefined) {
      mtu = dest.route.mtuLearnt ? (host.route(dest.addr)?.mtu ?? mtu) : dest.route.mtu;
    }
    // whatever the tunnel, an IPv4 header is all that the kernel takes off
    if (mtu > MIN_MTU + IPV4_MIN) mtu -= IPV4_MIN;
    info = mtu;
  }
  packet.data += off + tunnelHeaders;
  packet.len -= off + tunnelHeaders;
  host.icmpSend(packet, type, code, info);
  outStats(ipvs, c, packet.len);
  return NF_STOLEN;
}
