/** What the protocols with ports have in common: look-up by ports, and scheduling. */
import { AF_INET } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { NO_CONN } from './conn-table.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/** Ports at the start of the transport header as source << 16 | destination, or -1 when the packet ends before. */
export function readPorts(packet: Packet, iph: IpHdr): number {
  if (iph.len + 4 > packet.len) return -1;
  return packet.view.getUint32(packet.data + iph.len);
}

/** `ip_vs_conn_in_get_proto`. */
export function connInGetProto(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const ports = readPorts(packet, iph);
  if (ports < 0) return NO_CONN;
  // one look-up finds both directions: the first of them has been done for this packet already
  if (!ipvs.lookedUp || iph !== ipvs.iph || iph.inverse) find(ipvs, iph, ports);
  const t = ipvs.conns;
  if (t.foundIn === NO_CONN && t.noCport > 0 && !iph.inverse) find(ipvs, iph, ports & 0xffff);
  else if (t.foundIn === NO_CONN && t.noCport > 0) find(ipvs, iph, ports & 0xffff_0000);
  return t.foundIn;
}

/** `ip_vs_conn_out_get_proto`. */
export function connOutGetProto(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const ports = readPorts(packet, iph);
  if (ports < 0) return NO_CONN;
  const own = iph === ipvs.iph;
  // the short way has looked for the packet's own tuple, in vain
  if (!ipvs.unknown || !own || iph.inverse) find(ipvs, iph, ports);
  ipvs.lookedUp = own;
  return ipvs.conns.foundOut;
}

/** Looks the tuple up as seen on the wire; a header inside an ICMP error is seen from the other side. */
function find(ipvs: NetnsIpvs, iph: IpHdr, ports: number): void {
  const t = ipvs.conns;
  ipvs.lookedUp = false;
  if (iph.inverse) {
    const swapped = (ports << 16) | (ports >>> 16);
    if (iph.family === AF_INET) t.find4(iph.protocol, iph.daddr[0]!, iph.saddr[0]!, swapped);
    else t.find6(iph.protocol, iph.daddr, iph.saddr, swapped);
  } else if (iph.family === AF_INET) t.find4(iph.protocol, iph.saddr[0]!, iph.daddr[0]!, ports | 0);
  else t.find6(iph.protocol, iph.saddr, iph.daddr, ports | 0);
}
