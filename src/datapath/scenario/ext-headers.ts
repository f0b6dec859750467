/** IPv6 extension headers at the host: options (RFC 8200 4.2), routing headers, fragments. */
import {
  IPV6_FRAGMENT_HEADER,
  IPV6_HEADER,
  type Ipv6Joint,
  type Ipv6Walk,
  ipv6FindFragment,
  ipv6PayloadLength,
  ipv6SkipExtensions,
  NEXTHDR_FRAGMENT,
} from '../../wire/ipv6.js';
import type { Packet } from '../../wire/packet.js';
import { parameterProblem, readOption6 } from './option6.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPV6_PAD1 = 0;
const IPV6_PADN = 1;
/** Offset of the payload length in the IPv6 header. */
const PAYLOAD_LENGTH = 4;
/** Types of routing headers that are dropped without a word. */
const FIRST_REFUSED = 2;
const LAST_REFUSED = 4;
/** Longer padding, and more options, are dropped by Linux (`max_hbh_opts_number`). */
const MOST_PADDING = 7;
const MOST_OPTIONS = 8;

/** Bytes of the headers that a first fragment must hold, by protocol: TCP, UDP, ICMPv6. */
const TRANSPORT_HEADER: Readonly<Record<number, number>> = { 6: 20, 17: 8, 58: 8 };

const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };
const joint: Ipv6Joint = { nexthdr: 0, at: 0 };

/**
 * Walks the options of a hop-by-hop or destination options header (`ip6_parse_tlv`).
 * @param at offset of that header from the IPv6 header. @param hop it is a hop-by-hop header.
 * @returns false when the packet is to be dropped; an error has been sent if one was due.
 */
export function readOptions6(host: SimHost, p: Packet, at: number, hop: boolean, arrival: Arrival): boolean {
  const v = p.view;
  if (at + 8 > p.len) return false;
  const end = at + ((v.getUint8(p.data + at + 1) + 1) << 3);
  if (end > p.len) return false;
  let padding = 0;
  let count = 0;
  for (let o = at + 2; o < end; ) {
    const type = v.getUint8(p.data + o);
    if (type === IPV6_PAD1) {
      o++;
      if (++padding > MOST_PADDING) return false;
      continue;
    }
    if (o + 2 > end) return false;
    const length = v.getUint8(p.data + o + 1) + 2;
    if (o + length > end) return false;
    if (type === IPV6_PADN) {
      padding += length;
      if (padding > MOST_PADDING) return false;
      for (let i = 2; i < length; i++) if (v.getUint8(p.data + o + i) !== 0) return false;
    } else {
      padding = 0;
      if (++count > MOST_OPTIONS || !readOption6(host, p, o, hop, arrival)) return false;
    }
    o += length;
  }
  return true;
}

/**
 * A routing header at `at`: passed when no segment is left, which is what hosts since RFC 5095 take; those for mobile nodes, RPL and
 * segment routing are nothing for this host. @returns false to drop.
 */
export function readRouting(host: SimHost, p: Packet, at: number, arrival: Arrival): boolean {
  const v = p.view;
  if (at + 8 > p.len || at + ((v.getUint8(p.data + at + 1) + 1) << 3) > p.len) return false;
  const type = v.getUint8(p.data + at + 2);
  if (type >= FIRST_REFUSED && type <= LAST_REFUSED) return false;
  if (v.getUint8(p.data + at + 3) === 0) return true;
  parameterProblem(host, p, 0, at + 2, arrival);
  return false;
}

/** Offset of what is wrong with a fragment whose header is at `at` (RFC 8200 4.5): its length, or where it would end; 0 when it is good. */
function fragmentFault(p: Packet, at: number): number {
  const word = p.view.getUint16(p.data + at + 2);
  const size = p.len - at - 8;
  if ((word & 1) !== 0 && (size & 7) !== 0) return PAYLOAD_LENGTH;
  return (word & 0xfff8) + size > 65_535 ? at + 2 : 0;
}

/** The fragment whose header is at `at` is a first one that ends within the headers (`ipv6frag_thdr_truncated`, RFC 8200 4.5). */
function lacksHeader(p: Packet, at: number): boolean {
  const end = p.data + p.len;
  if (!ipv6SkipExtensions(p.view, p.data, p.data + at, NEXTHDR_FRAGMENT, end, walk)) return false;
  return walk.fragoffs === 0 && walk.offset + (TRANSPORT_HEADER[walk.protocol] ?? 1) > p.len;
}

/** No fragment, or one to be left as it is. */
export const WHOLE = 0;
/** A fragment that waits for others, or was dropped. */
export const KEPT = -1;

/**
 * Reassembly before routing (`nf_defrag_ipv6`), which lets fragments pass whose length is wrong, and forgets those that came before them.
 * @returns `WHOLE`, `KEPT`, or for a datagram that is complete now the offset of what followed the fragment header.
 */
export function defragment6(host: SimHost, p: Packet): number {
  if (ipv6PayloadLength(p.view, p.data) === 0) return WHOLE;
  if (!ipv6FindFragment(p.view, p.data, p.data + p.len, joint)) return WHOLE;
  const at = joint.at - p.data;
  if (lacksHeader(p, at)) return WHOLE;
  if (at + IPV6_FRAGMENT_HEADER > p.len) return KEPT;
  const fault = fragmentFault(p, at);
  const whole = host.reassembler6.input(p, host.now);
  if (fault === PAYLOAD_LENGTH) return WHOLE;
  return whole ? at : KEPT;
}

/** What came of a fragment header: the packet is `whole` now, without it; it never was cut (`atomic`, RFC 6946); it is `kept` or dropped. */
export type FragmentFate = 'whole' | 'atomic' | 'kept';

/** A fragment header at `at` (`ipv6_frag_rcv`). An error has been sent if one was due. */
export function readFragment(host: SimHost, p: Packet, at: number, arrival: Arrival): FragmentFate {
  // there can be only one, and none in a jumbogram
  const one = p.fragMaxSize === 0 && ipv6PayloadLength(p.view, p.data) !== 0;
  if (!one || at + 8 > p.len) {
    parameterProblem(host, p, 0, at, arrival);
    return 'kept';
  }
  if ((p.view.getUint16(p.data + at + 2) & 0xfff9) === 0) {
    p.fragMaxSize = ipv6PayloadLength(p.view, p.data) + IPV6_HEADER;
    return 'atomic';
  }
  if (lacksHeader(p, at)) {
    parameterProblem(host, p, 3, 0, arrival);
    return 'kept';
  }
  const pointer = fragmentFault(p, at);
  if (pointer !== 0) {
    parameterProblem(host, p, 0, pointer, arrival);
    return 'kept';
  }
  return host.reassembler6.input(p, host.now) ? 'whole' : 'kept';
}
