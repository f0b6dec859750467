/** Segments that fit into a tunnel: the option `clampMss` of a service. */
import { checksumUpdate, delta16 } from '../wire/checksum.js';
import { AF_INET } from '../wire/inet.js';
import { IPV4_MIN } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import { CHECKSUM_PARTIAL, type Packet } from '../wire/packet.js';
import { TCP_CHECKSUM, TCP_MIN, TCP_SYN, tcpFlags, tcpHeaderLength } from '../wire/tcp.js';
import { mssOffset } from '../wire/tcp-options.js';
import { destOf } from './conn.js';
import { C_FLAGS, HOT_SHIFT } from './conn-table.js';
import { tunnelHeaderLength } from './encapsulate.js';
import { CONN_F_FWD_MASK, CONN_F_TUNNEL, IPPROTO_TCP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/**
 * Lowers the MSS that a SYN names, in either direction, to what a packet through its connection's tunnel can carry (RFC 9293 3.7.1: that is what
 * the other side may send). The IP header is the one before encapsulation. Any other packet is left as it is.
 */
export function clampMss(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): void {
  const dest = destOf(ipvs, c);
  if (!dest?.svc?.options.clampMss || dest.route === undefined) return;
  if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) !== CONN_F_TUNNEL) return;
  if (iph.protocol !== IPPROTO_TCP || iph.icmp || iph.fragoffs !== 0 || iph.len + TCP_MIN > packet.len)
    return;
  const v = packet.view;
  const tcp = packet.data + iph.len;
  if ((tcpFlags(v, tcp) & TCP_SYN) === 0 || iph.len + tcpHeaderLength(v, tcp) > packet.len) return;
  const at = mssOffset(v, tcp);
  if (at < 0) return;
  const mtu = dest.route.mtu - tunnelHeaderLength(dest, packet);
  const most = mtu - (iph.family === AF_INET ? IPV4_MIN : IPV6_HEADER) - TCP_MIN;
  const named = v.getUint16(at);
  if (named <= most || most <= 0) return;
  v.setUint16(at, most);
  // a partial checksum is the pseudo header's alone
  if (packet.ipSummed === CHECKSUM_PARTIAL) return;
  const odd = ((at - tcp) & 1) !== 0;
  const delta = odd ? delta16(swapped(named), swapped(most)) : delta16(named, most);
  v.setUint16(tcp + TCP_CHECKSUM, checksumUpdate(v.getUint16(tcp + TCP_CHECKSUM), delta));
}

/** As two words see it that it lies across. */
function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8);
}
