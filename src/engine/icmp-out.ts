/** ICMP errors on their way out: from a real server, about a packet that was translated for it (`ip_vs_out_icmp`, `_v6`). */
import { ICMP_DEST_UNREACH, ICMP_HEADER, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED } from '../wire/icmp.js';
import { AF_INET } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { C_FLAGS, HOT_SHIFT, NO_CONN } from './conn-table.js';
import { NOT_RELATED } from './core.js';
import { fillIphdrIcmp } from './fill-iphdr.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { icmpChecksumOk, natIcmp } from './nat-icmp.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { hasWayOut } from './out-route.js';
import { outStats } from './traffic.js';
import { NF_ACCEPT, NF_DROP } from './verdict.js';

const ICMPV6_INFORMATIONAL = 0x80;

/** True for the types that carry the packet they are about. */
export function isIcmpError(family: number, type: number): boolean {
  return family === AF_INET
    ? type === ICMP_DEST_UNREACH || type === ICMP_SOURCE_QUENCH || type === ICMP_TIME_EXCEEDED
    : (type & ICMPV6_INFORMATIONAL) === 0;
}

/** The verdict, or `NOT_RELATED` when the message is no error. */
export function outIcmp(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  if (iph.len + ICMP_HEADER > packet.len) return NF_DROP;
  if (!isIcmpError(iph.family, packet.view.getUint8(packet.data + iph.len))) return NOT_RELATED;
  // no genuine error is so long that it has to be cut
  if (iph.fragment) return NF_DROP;
  const ciph = ipvs.ciph;
  if (!fillIphdrIcmp(packet, iph.len + ICMP_HEADER, true, iph.family, ciph)) return NF_ACCEPT;
  const pd = ipvs.protoData[ciph.protocol];
  if (pd === undefined || (ciph.fragoffs !== 0 && (pd.pp.dontDefrag || iph.family !== AF_INET)))
    return NF_ACCEPT;
  const c = pd.pp.connOutGet(ipvs, packet, ciph);
  if (c === NO_CONN) return NF_ACCEPT;
  if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) === CONN_F_MASQ) {
    if (!icmpChecksumOk(packet, iph)) return NF_DROP;
    natIcmp(ipvs, packet, c, iph, ciph, true);
  }
  if (!hasWayOut(ipvs, packet)) return NF_DROP;
  outStats(ipvs, c, packet.len);
  packet.ipvsProperty = true;
  return NF_ACCEPT;
}
