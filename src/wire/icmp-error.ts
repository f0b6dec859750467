/** ICMP and ICMPv6 errors about a packet, under the rules of `icmp_send` and `icmpv6_send`. */
import { checksum, ipv4SetChecksum, pseudoSum6 } from './checksum.js';
import {
  ICMP_ADDRESSREPLY,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_HEADER,
  ICMP_TIMESTAMP,
  ICMPV6_INFOMSG_MASK,
  ICMPV6_PKT_TOOBIG,
} from './icmp.js';
import { AF_INET, type InetAddr } from './inet.js';
import { IP_OFFSET, IPV4_MIN, ipv4HeaderLength, ipv4Version } from './ipv4.js';
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_SOURCE,
  type Ipv6Walk,
  ipv6NextHeader,
  ipv6SkipExtensions,
  ipv6Version,
} from './ipv6.js';
import { HEADROOM, type Packet } from './packet.js';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
/** No ICMP error is longer than what every host can take (RFC 1122 3.3.2). */
const ICMP_MAX_TOTAL = 576;
/** No ICMPv6 error is longer than the smallest MTU (RFC 4443 2.4 c). */
const ICMPV6_MAX_TOTAL = 1280;
/** Precedence "internetwork control" (RFC 1812 4.3.2.5), and the bits of the type of service that are kept. */
const IPTOS_PREC_INTERNETCONTROL = 0xc0;
const IPTOS_TOS_MASK = 0x1e;

/** What an error may be given besides its meaning. */
export interface IcmpErrorOptions {
  /** IPv4 identification; 0 when left out. */
  readonly id?: number;
  /** TTL or hop limit; 64 when left out. */
  readonly ttl?: number;
}

const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };

/**
 * Writes an ICMP or ICMPv6 error about `about` into `out`, addressed to its source.
 * @param info the word after the checksum: the MTU for "fragmentation needed" and "packet too big", 0 for most others.
 * @param source an address of this host, of `about`'s family.
 * @returns false, with `out` untouched, when no error may be sent about this packet (RFC 1122 3.2.2, RFC 4443 2.4 e).
 */
export function buildIcmpError(
  out: Packet,
  about: Packet,
  type: number,
  code: number,
  info: number,
  source: InetAddr,
  options: IcmpErrorOptions = {},
): boolean {
  return source.family === AF_INET
    ? buildIcmp4(out, about, type, code, info, source.words, options)
    : buildIcmp6(out, about, type, code, info, source.words, options);
}

function buildIcmp4(
  out: Packet,
  about: Packet,
  type: number,
  code: number,
  info: number,
  source: Int32Array,
  options: IcmpErrorOptions,
): boolean {
  if (!mayAnswer4(about)) return false;
  const from = about.view;
  const quoted = Math.min(about.len, ICMP_MAX_TOTAL - IPV4_MIN - ICMP_HEADER);
  const length = IPV4_MIN + ICMP_HEADER + quoted;
  const v = out.view;
  out.reset(HEADROOM, length);
  const ip = out.data;
  v.setUint8(ip, 0x45);
  v.setUint8(ip + 1, (from.getUint8(about.data + 1) & IPTOS_TOS_MASK) | IPTOS_PREC_INTERNETCONTROL);
  v.setUint16(ip + 2, length);
  v.setUint16(ip + 4, options.id ?? 0);
  v.setUint16(ip + 6, 0);
  v.setUint8(ip + 8, options.ttl ?? 64);
  v.setUint8(ip + 9, IPPROTO_ICMP);
  v.setInt32(ip + 12, source[0]!);
  v.setInt32(ip + 16, from.getInt32(about.data + 12));
  ipv4SetChecksum(v, ip, IPV4_MIN);
  const icmp = ip + IPV4_MIN;
  writeError(out, icmp, about, quoted, type, code, info);
  v.setUint16(icmp + 2, checksum(v, icmp, ICMP_HEADER + quoted));
  return true;
}

function mayAnswer4(about: Packet): boolean {
  const v = about.view;
  const ip = about.data;
  if (about.len < IPV4_MIN || ipv4Version(v, ip) !== 4) return false;
  if ((v.getUint16(ip + 6) & IP_OFFSET) !== 0) return false;
  const source = v.getUint32(ip + 12);
  if (source === 0 || isGroup4(source) || isGroup4(v.getUint32(ip + 16))) return false;
  if (v.getUint8(ip + 9) !== IPPROTO_ICMP) return true;
  const header = ipv4HeaderLength(v, ip);
  return header < about.len && isQuery4(v.getUint8(ip + header));
}

/** Multicast, or the broadcast address. What is reserved (240.0.0.0/4) counts as a host's, as it does to Linux. */
function isGroup4(address: number): boolean {
  return address >>> 28 === 14 || address === 0xffff_ffff;
}

/** Types that no error is; what is unknown counts as an error. */
function isQuery4(type: number): boolean {
  return (
    type === ICMP_ECHOREPLY || type === ICMP_ECHO || (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY)
  );
}

function buildIcmp6(
  out: Packet,
  about: Packet,
  type: number,
  code: number,
  info: number,
  source: Int32Array,
  options: IcmpErrorOptions,
): boolean {
  if (!mayAnswer6(about, type)) return false;
  const quoted = Math.min(about.len, ICMPV6_MAX_TOTAL - IPV6_HEADER - ICMP_HEADER);
  const v = out.view;
  out.reset(HEADROOM, IPV6_HEADER + ICMP_HEADER + quoted);
  const ip = out.data;
  v.setUint32(ip, 0x6000_0000);
  v.setUint16(ip + 4, ICMP_HEADER + quoted);
  v.setUint8(ip + 6, IPPROTO_ICMPV6);
  v.setUint8(ip + 7, options.ttl ?? 64);
  for (let i = 0; i < 4; i++) {
    v.setInt32(ip + IPV6_SOURCE + 4 * i, source[i]!);
    v.setInt32(ip + IPV6_DESTINATION + 4 * i, about.view.getInt32(about.data + IPV6_SOURCE + 4 * i));
  }
  const icmp = ip + IPV6_HEADER;
  writeError(out, icmp, about, quoted, type, code, info);
  const pseudo = pseudoSum6(v, ip, IPPROTO_ICMPV6, ICMP_HEADER + quoted);
  v.setUint16(icmp + 2, checksum(v, icmp, ICMP_HEADER + quoted, pseudo));
  return true;
}

function mayAnswer6(about: Packet, type: number): boolean {
  const v = about.view;
  const ip = about.data;
  if (about.len < IPV6_HEADER || ipv6Version(v, ip) !== 6) return false;
  const multicast = v.getUint8(ip + IPV6_DESTINATION) === 0xff;
  if (multicast && type !== ICMPV6_PKT_TOOBIG) return false;
  const s = ip + IPV6_SOURCE;
  if (v.getUint8(s) === 0xff) return false;
  if ((v.getInt32(s) | v.getInt32(s + 4) | v.getInt32(s + 8) | v.getInt32(s + 12)) === 0) return false;
  const end = ip + about.len;
  if (!ipv6SkipExtensions(v, ip, ip + IPV6_HEADER, ipv6NextHeader(v, ip), end, walk)) return true;
  if (walk.protocol !== IPPROTO_ICMPV6) return true;
  if (walk.offset >= about.len)
    return walk.fragment !== 0 && (v.getUint16(ip + walk.fragment + 2) & 0xfff9) !== 0;
  return (v.getUint8(ip + walk.offset) & ICMPV6_INFOMSG_MASK) !== 0;
}

/** The ICMP header, its checksum 0, and the quoted bytes behind it. */
function writeError(
  out: Packet,
  icmp: number,
  about: Packet,
  quoted: number,
  type: number,
  code: number,
  info: number,
): void {
  out.view.setUint8(icmp, type);
  out.view.setUint8(icmp + 1, code);
  out.view.setUint16(icmp + 2, 0);
  out.view.setUint32(icmp + 4, info);
  out.bytes.set(about.bytes.subarray(about.data, about.data + quoted), icmp + ICMP_HEADER);
}
