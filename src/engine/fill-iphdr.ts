/** Reading an IP header into an `IpHdr` (`ip_vs_fill_iph_skb`). */
import { AF_INET, AF_INET6 } from '../wire/inet.js';
import { IP_OFFSET, IPV4_MIN } from '../wire/ipv4.js';
import {
  IPV6_HEADER,
  type Ipv6Walk,
  ipv6Version,
  ipv6Walk,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
} from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import type { IpHdr } from './iphdr.js';

const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };

/** Reads the packet's own header. Returns false for what is no IP packet. */
export function fillIphdr(packet: Packet, iph: IpHdr): boolean {
  if (packet.len < IPV4_MIN) return false;
  const version = packet.view.getUint8(packet.data) >>> 4;
  iph.inverse = false;
  iph.icmp = false;
  if (version === 4) return fill4(packet, 0, iph);
  return version === 6 && fill6(packet, 0, iph);
}

/**
 * Reads the header inside an ICMP error.
 * @param off its offset from the packet's start. @param inverse it is seen from the other side.
 */
export function fillIphdrIcmp(
  packet: Packet,
  off: number,
  inverse: boolean,
  family: number,
  iph: IpHdr,
): boolean {
  iph.inverse = inverse;
  iph.icmp = true;
  return family === AF_INET ? fill4(packet, off, iph) : fill6(packet, off, iph);
}

function fill4(packet: Packet, off: number, iph: IpHdr): boolean {
  if (off + IPV4_MIN > packet.len) return false;
  const v = packet.view;
  const at = packet.data + off;
  if (iph.family !== AF_INET) {
    iph.family = AF_INET;
    iph.saddr.fill(0);
    iph.daddr.fill(0);
  }
  iph.off = off;
  iph.len = off + ((v.getUint8(at) & 15) << 2);
  iph.protocol = v.getUint8(at + 9);
  iph.fragoffs = (v.getUint16(at + 6) & IP_OFFSET) << 3;
  iph.fragment = false;
  iph.saddr[0] = v.getInt32(at + 12);
  iph.daddr[0] = v.getInt32(at + 16);
  return true;
}

function fill6(packet: Packet, off: number, iph: IpHdr): boolean {
  if (off + IPV6_HEADER > packet.len) return false;
  const v = packet.view;
  const at = packet.data + off;
  if (ipv6Version(v, at) !== 6) return false;
  iph.family = AF_INET6;
  iph.off = off;
  for (let i = 0; i < 4; i++) {
    iph.saddr[i] = v.getInt32(at + 8 + 4 * i);
    iph.daddr[i] = v.getInt32(at + 24 + 4 * i);
  }
  const next = v.getUint8(at + 6);
  // the common case at once: no extension header
  if (next > NEXTHDR_HOP && next < NEXTHDR_FRAGMENT - 1) {
    iph.protocol = next;
    iph.len = off + IPV6_HEADER;
    iph.fragoffs = 0;
    iph.fragment = false;
    return true;
  }
  if (!ipv6Walk(v, at, packet.data + packet.len, walk)) return false;
  iph.protocol = walk.protocol;
  iph.len = off + walk.offset;
  iph.fragoffs = walk.fragoffs;
  iph.fragment = walk.fragment !== 0;
  return true;
}
