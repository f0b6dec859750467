/** What hosts tell each other without being asked: it is no part of a result. */
import { IPV6_HEADER, NEXTHDR_HOP } from '../../wire/ipv6.js';

const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
/** ICMPv6 types of multicast listener and neighbour discovery (RFC 2710, RFC 4861, RFC 3810). */
const TYPES: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136, 137, 143]);

/** True for group membership and neighbour discovery, of either family. @param packet an IP packet with a whole header. */
export function isChatter(packet: Uint8Array): boolean {
  if (packet[0]! >>> 4 !== 6) return packet[9] === IPPROTO_IGMP;
  let protocol = packet[6];
  let at = IPV6_HEADER;
  if (protocol === NEXTHDR_HOP) {
    protocol = packet[at];
    at += (packet[at + 1]! + 1) * 8;
  }
  return protocol === IPPROTO_ICMPV6 && TYPES.has(packet[at]!);
}
