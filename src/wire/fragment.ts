/**
 * Cuts packets into fragments (`ip_do_fragment`, `ip6_fragment`). The work is done inside the packet's own buffer: each
 * fragment's header is written right before its payload, over what the fragment before it no longer needs.
 */
import { ipv4SetChecksum } from './checksum.js';
import { IP_DF, IP_MF, IP_OFFSET, IPV4_MIN, ipv4FragOff, ipv4HeaderLength } from './ipv4.js';
import {
  IPV6_FRAGMENT_HEADER,
  IPV6_HEADER,
  IPV6_MIN_MTU,
  type Ipv6Joint,
  ipv6FindUnfragmentable,
  NEXTHDR_FRAGMENT,
} from './ipv6.js';
import type { Packet } from './packet.js';
import { completeChecksum } from './partial-checksum.js';

/** Takes a fragment; the bytes are good until it returns. */
export type EmitFragment = (bytes: Uint8Array) => void;

const IPOPT_END = 0;
const IPOPT_NOOP = 1;
const IPOPT_COPY = 0x80;

/** The header that every fragment begins with; one buffer for all packets. */
const header = new Uint8Array(65_536);
const joint: Ipv6Joint = { nexthdr: 0, at: 0 };

/**
 * Cuts an IPv4 packet into fragments of at most `mtu` bytes, and no larger than those it was reassembled from; when these still
 * fit, it is cut where it was. Fragments have no DF, except as in the kernel: when the packet was reassembled from some that had it
 * and is now cut elsewhere. Emits nothing when not even 8 bytes of payload fit. The packet is used up.
 */
export function fragment4(p: Packet, mtu: number, emit: EmitFragment): void {
  completeChecksum(p);
  const v = p.view;
  const hlen = ipv4HeaderLength(v, p.data);
  if (hlen < IPV4_MIN || hlen > p.len) return;
  const total = p.len - hlen;
  const limit = (p.fragMaxSize === 0 ? mtu : Math.min(mtu, p.fragMaxSize)) - hlen;
  if (limit < 8) return;
  const sizes = oldSizes(p, total, limit);
  const word = ipv4FragOff(v, p.data);
  const df = p.fragDf && sizes === undefined ? IP_DF : 0;
  const saved = header.subarray(0, hlen);
  saved.set(p.bytes.subarray(p.data, p.data + hlen));
  for (let at = 0, i = 0; at < total; i++) {
    const size = sizes ? sizes[i]! : nextSize(total - at, limit);
    const ip = p.data + at;
    p.bytes.set(saved, ip);
    // a packet that is a fragment itself, but not the first, has lost these options before
    if (i === 0 && (word & IP_OFFSET) === 0) dropUncopiedOptions(saved);
    const more = at + size < total ? IP_MF : word & IP_MF;
    v.setUint16(ip + 2, hlen + size);
    v.setUint16(ip + 6, df | more | ((word & IP_OFFSET) + (at >>> 3)));
    ipv4SetChecksum(v, ip, hlen);
    emit(p.bytes.subarray(ip, ip + hlen + size));
    at += size;
  }
}

/** Overwrites the options that belong into the first fragment only (`ip_options_fragment`). */
function dropUncopiedOptions(ip: Uint8Array): void {
  for (let o = IPV4_MIN; o < ip.length && ip[o] !== IPOPT_END; ) {
    if (ip[o] === IPOPT_NOOP) {
      o++;
      continue;
    }
    const length = ip[o + 1] ?? 0;
    if (length < 2 || o + length > ip.length) return;
    if ((ip[o]! & IPOPT_COPY) === 0) ip.fill(IPOPT_NOOP, o, o + length);
    o += length;
  }
}

/**
 * Cuts an IPv6 packet into fragments of at most `mtu` bytes, and no larger than those it was reassembled from (but those may
 * always have 1280 bytes); when these still fit, it is cut where it was. Needs 8 bytes of headroom. Emits nothing when the
 * headers leave no room or are malformed. The packet is used up.
 * @param id identification of the fragments, 32 bits.
 */
export function fragment6(p: Packet, mtu: number, id: number, emit: EmitFragment): void {
  completeChecksum(p);
  const v = p.view;
  if (p.len < IPV6_HEADER || p.data < IPV6_FRAGMENT_HEADER) return;
  // as the kernel, it looks no further than the first piece
  if (!ipv6FindUnfragmentable(v, p.data, p.data + p.headLength, joint)) return;
  const hlen = joint.at - p.data;
  const protocol = v.getUint8(joint.nexthdr);
  v.setUint8(joint.nexthdr, NEXTHDR_FRAGMENT);
  const total = p.len - hlen;
  const room = p.fragMaxSize === 0 ? mtu : Math.min(mtu, Math.max(p.fragMaxSize, IPV6_MIN_MTU));
  const overhead = hlen + IPV6_FRAGMENT_HEADER;
  const limit = room - overhead;
  if (limit < 8) return;
  const sizes = oldSizes(p, total, limit);
  const saved = header.subarray(0, hlen);
  saved.set(p.bytes.subarray(p.data, p.data + hlen));
  for (let at = 0, i = 0; at < total; i++) {
    const size = sizes ? sizes[i]! : nextSize(total - at, limit);
    const ip = p.data + at - IPV6_FRAGMENT_HEADER;
    p.bytes.set(saved, ip);
    v.setUint16(ip + 4, overhead - IPV6_HEADER + size);
    const fragment = ip + hlen;
    v.setUint16(fragment, protocol << 8);
    v.setUint16(fragment + 2, at | (at + size < total ? 1 : 0));
    v.setUint32(fragment + 4, id);
    emit(p.bytes.subarray(ip, ip + overhead + size));
    at += size;
  }
}

/** As much as fits, in units of 8 bytes unless it is all that is left. */
function nextSize(left: number, limit: number): number {
  return left <= limit ? left : limit & ~7;
}

/**
 * Payload sizes of the fragments that the packet was reassembled from, when it can be cut there again; the first one has
 * grown by what was put in front since. Fragments that only the first's growth makes unfit are cut anew.
 */
function oldSizes(p: Packet, total: number, limit: number): Uint16Array | undefined {
  const sizes = p.fragSizes?.slice();
  if (sizes === undefined) return undefined;
  const rest = p.len - p.headLength;
  if (rest >= total) return undefined;
  // options that the first fragment carried must now be repeated by each, which have no room for them
  if (rest + sizes[0]! > total) return undefined;
  sizes[0] = total - rest;
  const last = sizes.length - 1;
  const fits = sizes.every((size, i) => size <= limit && (i === last || size % 8 === 0));
  return fits ? sizes : undefined;
}
