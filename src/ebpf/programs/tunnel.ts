/** Tunnels: an outer header in front of the packet, its fields as `ip_vs_tunnel_xmit` has them. tunnel-shim.ts has what stands behind it. */
import type { Assembler } from '../assembler.js';
import { type Memory, part, type Register, r0, r1, r2, r3, r5 } from '../operand.js';
import { type Frame, fold, inWay, ip4, ip6, packet, SLOW, udp4, udp6 } from './common.js';
import { TUNNEL_TYPES } from './flow-maps.js';
import {
  ETH_HLEN,
  GRE,
  GUE,
  htons,
  IPPROTO_GRE,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4,
  IPV6,
  UDP,
} from './headers.js';
import { DROP, GRE_SHORT, INNER, sumInner, writeShim } from './tunnel-shim.js';

/** How a kind of program reaches its packet. */
export interface TunnelContext {
  /** Begin and end of the packet. */
  readonly data: Memory;
  readonly dataEnd: Memory;
  /** Makes room behind the Ethernet header: `length` bytes, which that register holds; goes to {@link DROP} where there is none. */
  grow(a: Assembler, outer: 4 | 6, length: Register): void;
  /** Writes what precedes the outer IP header, which is in reach. */
  readonly reached?: (a: Assembler, outer: 4 | 6) => void;
  /** Tells of bytes that are new in the packet: `sum` of their words as they are loaded. */
  readonly summed?: (a: Assembler, sum: Register) => void;
}

const IP_DF = htons(0x4000);
const VERSION6 = 0x60;

/**
 * Leaves the packets of which the sum is not known without reading them all, where the outer header wants it: those without a checksum of their own, and SCTP.
 * To come before the packet is changed, and before its end is forgotten.
 */
export function checkSummed(a: Assembler, { locals }: Frame, version: 4 | 6): void {
  const done = `tunnel.checked.v${version}`;
  const [protocol, udp, header] =
    version === 4 ? [ip4.protocol, udp4, IPV4.size] : ([ip6.nextHeader, udp6, IPV6.size] as const);
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '==', 0, done);
  a.load(r1, protocol).jumpIf(r1, '==', IPPROTO_TCP, done).jumpIf(r1, '!=', IPPROTO_UDP, SLOW);
  a.load(r1, udp.checksum).jumpIf(r1, '==', 0, SLOW);
  // it may say that it ends before the packet does
  a.load(r1, udp.length).toBigEndian(r1, 16).add(r1, header);
  a.load(r2, locals.length).jumpIf(r1, '!=', r2, SLOW);
  a.label(done);
}

/** Puts the way's outer header in front of a packet of `version`, whose TTL is lowered already. @param sent where to go on. */
export function encapsulate(
  a: Assembler,
  f: Frame,
  version: 4 | 6,
  sent: string,
  context: TunnelContext,
): void {
  const in6 = `tunnel.in6.v${version}`;
  inherit(a, f, version, context);
  chooseShim(a, f, version);
  a.load(r1, inWay.tunnelVersion).jumpIf(r1, '==', VERSION6, in6);
  outer(a, f, version, 4, sent, context);
  a.label(in6);
  outer(a, f, version, 6, sent, context);
}

/** What the outer header takes over of the inner one goes to the stack, while that is still the first. */
function inherit(a: Assembler, { locals }: Frame, version: 4 | 6, context: TunnelContext): void {
  const plain = `tunnel.ecn.v${version}`;
  const tos = r1;
  // the packet's place may have changed
  a.load(packet, context.data).load(r3, context.dataEnd);
  a.needBytes(packet, ETH_HLEN + (version === 4 ? IPV4.size : IPV6.size), r3, r2, DROP);
  if (version === 4) a.load(tos, ip4.tos);
  else
    a.load(tos, part(ip6.versionClassFlow, 0, 2))
      .toBigEndian(tos, 16)
      .rsh(tos, 4)
      .and(tos, 0xff);
  // RFC 3168 9.1.1: congestion seen inside is not told outside
  a.mov(r2, tos).and(r2, 3).jumpIf(r2, '!=', 3, plain).sub(tos, 1).label(plain).store(locals.tos, tos);
  a.load(r1, version === 4 ? ip4.ttl : ip6.hopLimit).store(locals.ttl, r1);
  a.store(locals.fragment, 0).store(locals.id, 0);
  if (version === 4) {
    const whole = 'tunnel.df';
    a.load(r1, inWay.tunnelDf).jumpIf(r1, '==', 0, whole);
    a.load(r1, ip4.fragment).and(r1, IP_DF).store(locals.fragment, r1).label(whole);
  }
  sumInner(a, locals.inner, version);
}

/** What is between the outer IP header and the packet. */
function chooseShim(a: Assembler, { locals }: Frame, version: 4 | 6): void {
  const chosen = `tunnel.chosen.v${version}`;
  const gre = `tunnel.isGre.v${version}`;
  a.store(locals.protocol, INNER[version]).store(locals.shim, 0);
  a.load(r1, inWay.tunnelType)
    .jumpIf(r1, '==', TUNNEL_TYPES.ipip, chosen)
    .jumpIf(r1, '==', TUNNEL_TYPES.gre, gre);
  a.store(locals.protocol, IPPROTO_UDP)
    .store(locals.shim, UDP.size + GUE.size)
    .jump(chosen);
  a.label(gre).store(locals.protocol, IPPROTO_GRE).store(locals.shim, GRE_SHORT);
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '==', 0, chosen).store(locals.shim, GRE.size);
  a.label(chosen);
}

function outer(
  a: Assembler,
  f: Frame,
  version: 4 | 6,
  outside: 4 | 6,
  sent: string,
  context: TunnelContext,
): void {
  const { locals } = f;
  const header = outside === 4 ? IPV4.size : IPV6.size;
  if (outside === 4) {
    const named = `tunnel.id.v${version}`;
    // what cannot be cut needs no identification (RFC 6864)
    a.load(r1, locals.fragment).jumpIf(r1, '!=', 0, named);
    a.call('get_prandom_u32').and(r0, 0xffff).store(locals.id, r0).label(named);
  }
  a.load(r2, locals.shim).add(r2, header);
  context.grow(a, outside, r2);
  a.load(packet, context.data).load(r3, context.dataEnd);
  a.needBytes(packet, ETH_HLEN + header, r3, r2, DROP);
  context.reached?.(a, outside);
  if (outside === 4) outer4(a, f);
  else outer6(a, f);
  const bare = `tunnel.bare.${outside}.v${version}`;
  // an IPv4 header alone sums up to nothing
  a.load(r1, locals.shim).jumpIf(r1, '==', 0, outside === 4 ? sent : bare);
  // the end of the packet is still in r3, the sum of the header in r5
  writeShim(a, f, version, outside);
  if (outside === 6) a.label(bare);
  context.summed?.(a, r5);
  a.jump(sent);
}

/** Leaves 0 in r5: the header's checksum makes up for all else in it. */
function outer4(a: Assembler, { locals }: Frame): void {
  const sum = r5;
  a.load(sum, inWay.tunnelSum);
  a.load(r1, locals.tos).store(ip4.versionIhl, 0x45).store(ip4.tos, r1).lsh(r1, 8).add(r1, 0x45).add(sum, r1);
  a.load(r1, locals.length)
    .load(r2, locals.shim)
    .add(r1, r2)
    .add(r1, IPV4.size)
    .toBigEndian(r1, 16)
    .store(ip4.totalLength, r1)
    .add(sum, r1);
  a.load(r1, locals.id).store(ip4.id, r1).add(sum, r1);
  a.load(r1, locals.fragment).store(ip4.fragment, r1).add(sum, r1);
  a.load(r1, locals.ttl).store(ip4.ttl, r1).add(sum, r1);
  a.load(r1, locals.protocol).store(ip4.protocol, r1).lsh(r1, 8).add(sum, r1);
  fold(a, sum, r2);
  a.xor(sum, 0xffff).store(ip4.checksum, sum);
  a.load(r1, part(inWay.tunnelSource, 0, 4)).store(ip4.source, r1);
  a.load(r1, part(inWay.tunnelDestination, 0, 4)).store(ip4.destination, r1);
  a.mov(sum, 0);
}

/** Leaves the sum of the header in r5. */
function outer6(a: Assembler, { locals }: Frame): void {
  const sum = r5;
  a.load(sum, inWay.tunnelSum);
  const high = part(ip6.versionClassFlow, 0, 2);
  a.load(r1, locals.tos)
    .lsh(r1, 4)
    .or(r1, VERSION6 << 8)
    .toBigEndian(r1, 16)
    .store(high, r1)
    .add(sum, r1);
  a.store(part(ip6.versionClassFlow, 2, 2), 0);
  a.load(r1, locals.length)
    .load(r2, locals.shim)
    .add(r1, r2)
    .toBigEndian(r1, 16)
    .store(ip6.payloadLength, r1)
    .add(sum, r1);
  a.load(r1, locals.protocol).store(ip6.nextHeader, r1).add(sum, r1);
  a.load(r1, locals.ttl).store(ip6.hopLimit, r1).lsh(r1, 8).add(sum, r1);
  for (const at of [0, 8]) {
    a.load(r1, part(inWay.tunnelSource, at, 8)).store(part(ip6.source, at, 8), r1);
    a.load(r1, part(inWay.tunnelDestination, at, 8)).store(part(ip6.destination, at, 8), r1);
  }
}
