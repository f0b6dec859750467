/**
 * TTL and hop limit. The kernel forwards a packet twice around the director: into the TUN device and out of it again, and takes one away each
 * time. IPVS itself takes away one (or none), so the difference is put back.
 */
import { ipv4Version } from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';

/** Adds one to the packet's TTL or hop limit (255 stays), keeping the IPv4 header's checksum right. */
export function raiseHopLimit(p: Packet): void {
  const v = p.view;
  const ip = p.data;
  if (ipv4Version(v, ip) !== 4) {
    const limit = v.getUint8(ip + 7);
    if (limit < 255) v.setUint8(ip + 7, limit + 1);
    return;
  }
  const ttl = v.getUint8(ip + 8);
  if (ttl === 255) return;
  v.setUint8(ip + 8, ttl + 1);
  // RFC 1624 with m' = m + 0x0100: the complemented sum falls by that much, with the borrow carried around
  const check = v.getUint16(ip + 10) - 0x100;
  v.setUint16(ip + 10, check < 0 ? check + 0xffff : check);
}
