/** IPv6 extension headers at the host: options (RFC 8200 4.2), routing headers, fragments. */
import { AF_INET6, inetFromBytes } from '../../wire/inet.js';
import { IPV6_DESTINATION, type Ipv6Walk, ipv6Walk } from '../../wire/ipv6.js';
import type { Packet } from '../../wire/packet.js';
import { icmpError } from './local-icmp.js';
import type { Arrival, SimHost } from './sim-host.js';

const ICMPV6_PARAMPROB = 4;
const IPV6_PAD1 = 0;
const IPV6_PADN = 1;
const IPV6_ROUTER_ALERT = 5;
/** Offset of the payload length in the IPv6 header. */
const PAYLOAD_LENGTH = 4;
/** Types of routing headers that are dropped without a word. */
const FIRST_REFUSED = 2;
const LAST_REFUSED = 4;
/** Longer padding is dropped by Linux. */
const MOST_PADDING = 7;

/** Bytes of the headers that a first fragment must hold, by protocol: TCP, UDP, ICMPv6. */
const TRANSPORT_HEADER: Readonly<Record<number, number>> = { 6: 20, 17: 8, 58: 8 };

const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };

/** Reports a fault at offset `pointer` from the IPv6 header. */
export function parameterProblem(
  host: SimHost,
  p: Packet,
  code: number,
  pointer: number,
  arrival: Arrival,
): void {
  icmpError(host, p, ICMPV6_PARAMPROB, code, pointer, arrival);
}

/**
 * Walks the options of a hop-by-hop or destination options header.
 * @param at offset of that header from the IPv6 header.
 * @returns false when the packet is to be dropped; an error has been sent if one was due.
 */
export function readOptions6(host: SimHost, p: Packet, at: number, arrival: Arrival): boolean {
  const v = p.view;
  if (at + 8 > p.len) return false;
  const end = at + ((v.getUint8(p.data + at + 1) + 1) << 3);
  if (end > p.len) return false;
  let padding = 0;
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
      if (type !== IPV6_ROUTER_ALERT && !skipUnknown(host, p, type, o, arrival)) return false;
    }
    o += length;
  }
  return true;
}

/** The upper two bits of an unknown option's type say what to do. */
function skipUnknown(host: SimHost, p: Packet, type: number, at: number, arrival: Arrival): boolean {
  const action = type >>> 6;
  if (action === 0) return true;
  const multicast = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION).words[0]! >>> 24 === 255;
  if (action === 2 || (action === 3 && !multicast)) parameterProblem(host, p, 2, at, arrival);
  return false;
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

/** A first fragment ends within the transport header (RFC 8200 4.5), as `walk` has found it. */
function lacksHeader(p: Packet): boolean {
  return walk.fragoffs === 0 && walk.offset + (TRANSPORT_HEADER[walk.protocol] ?? 1) > p.len;
}

/**
 * Reassembly before routing (`nf_defrag_ipv6`), which lets fragments pass that are malformed.
 * @returns false when the packet is kept.
 */
export function defragment6(host: SimHost, p: Packet): boolean {
  const whole = ipv6Walk(p.view, p.data, p.data + p.len, walk);
  if (whole && walk.fragment !== 0 && (fragmentFault(p, walk.fragment) !== 0 || lacksHeader(p))) return true;
  return host.reassembler6.input(p, host.now);
}

/** What came of a fragment header: the packet is `whole` now, without it; it never was cut (`atomic`, RFC 6946); it is `kept` or dropped. */
export type FragmentFate = 'whole' | 'atomic' | 'kept';

/** A fragment header at `at`. An error has been sent if one was due. */
export function readFragment(host: SimHost, p: Packet, at: number, arrival: Arrival): FragmentFate {
  if (at + 8 > p.len) return 'kept';
  if ((p.view.getUint16(p.data + at + 2) & 0xfff9) === 0) return 'atomic';
  if (ipv6Walk(p.view, p.data, p.data + p.len, walk) && lacksHeader(p)) {
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
