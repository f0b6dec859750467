/** IP in IP for the tc program: a second header in front of the packet, its fields as `ip_vs_tunnel_xmit` has them. */
import type { Assembler } from '../assembler.js';
import { part, r0, r1, r2, r3, r4, r5 } from '../operand.js';
import { ctx, type Frame, fold, inWay, ip4, ip6, packet, SLOW } from './common.js';
import { ETH_HLEN, htons, IPPROTO_TCP, IPV4, IPV6, SK_BUFF } from './headers.js';

/** `BPF_ADJ_ROOM_MAC` makes room behind the Ethernet header; flags say for what, and that segments keep their size. */
const BPF_ADJ_ROOM_MAC = 1;
const BPF_F_ADJ_ROOM_FIXED_GSO = 1;
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 2;
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 4;

const IP_DF = htons(0x4000);
/** Protocol numbers of what is inside. */
const INNER = { 4: 4, 6: 41 } as const;
const VERSION6 = 0x60;

/** Where to go with a packet for which there was no room: it has been changed already. */
export const DROP = 'drop';

/** Leaves what the kernel cannot put into a tunnel: segments other than TCP's. To come before the packet is changed. */
export function checkTunnel(a: Assembler, version: 4 | 6): void {
  const whole = `tunnel.whole.v${version}`;
  a.load(r1, SK_BUFF.at(ctx).gsoSize).jumpIf(r1, '==', 0, whole);
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader).jumpIf(r1, '!=', IPPROTO_TCP, SLOW);
  a.label(whole);
}

/** Puts the way's outer header in front of a packet of `version`, whose TTL is lowered already. @param sent where to go on. */
export function encapsulate(a: Assembler, f: Frame, version: 4 | 6, sent: string): void {
  const in6 = `tunnel.in6.v${version}`;
  inherit(a, f, version);
  a.load(r1, inWay.tunnelVersion).jumpIf(r1, '==', VERSION6, in6);
  outer4(a, f, version);
  a.jump(sent).label(in6);
  outer6(a, f, version);
  a.jump(sent);
}

/** What the outer header takes over of the inner one goes to the stack, while that is still the first. */
function inherit(a: Assembler, { locals }: Frame, version: 4 | 6): void {
  const plain = `tunnel.ecn.v${version}`;
  const tos = r1;
  // the packet's place may have changed
  a.load(packet, SK_BUFF.at(ctx).data).load(r3, SK_BUFF.at(ctx).dataEnd);
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
}

function outer4(a: Assembler, { locals }: Frame, version: 4 | 6): void {
  const named = `tunnel.id.v${version}`;
  const sum = r5;
  // what cannot be cut needs no identification (RFC 6864)
  a.load(r1, locals.fragment).jumpIf(r1, '!=', 0, named);
  a.call('get_prandom_u32').and(r0, 0xffff).store(locals.id, r0).label(named);
  grow(a, IPV4.size, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
  a.load(sum, inWay.tunnelSum);
  a.load(r1, locals.tos).store(ip4.versionIhl, 0x45).store(ip4.tos, r1).lsh(r1, 8).add(r1, 0x45).add(sum, r1);
  a.load(r1, locals.length).add(r1, IPV4.size).toBigEndian(r1, 16).store(ip4.totalLength, r1).add(sum, r1);
  a.load(r1, locals.id).store(ip4.id, r1).add(sum, r1);
  a.load(r1, locals.fragment).store(ip4.fragment, r1).add(sum, r1);
  a.load(r1, locals.ttl)
    .store(ip4.ttl, r1)
    .store(ip4.protocol, INNER[version])
    .add(r1, INNER[version] << 8)
    .add(sum, r1);
  fold(a, sum, r2);
  a.xor(sum, 0xffff).store(ip4.checksum, sum);
  a.load(r1, part(inWay.tunnelSource, 0, 4)).store(ip4.source, r1);
  a.load(r1, part(inWay.tunnelDestination, 0, 4)).store(ip4.destination, r1);
}

function outer6(a: Assembler, { locals }: Frame, version: 4 | 6): void {
  const sum = r2;
  grow(a, IPV6.size, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
  // the header has no checksum of its own that would make up for it in the sum of the whole packet
  a.load(sum, inWay.tunnelSum);
  const high = part(ip6.versionClassFlow, 0, 2);
  a.load(r1, locals.tos)
    .lsh(r1, 4)
    .or(r1, VERSION6 << 8)
    .toBigEndian(r1, 16)
    .store(high, r1)
    .add(sum, r1);
  a.store(part(ip6.versionClassFlow, 2, 2), 0);
  a.load(r1, locals.length).toBigEndian(r1, 16).store(ip6.payloadLength, r1).add(sum, r1);
  a.load(r1, locals.ttl)
    .store(ip6.nextHeader, INNER[version])
    .store(ip6.hopLimit, r1)
    .lsh(r1, 8)
    .add(r1, INNER[version])
    .add(sum, r1);
  for (const at of [0, 8]) {
    a.load(r1, part(inWay.tunnelSource, at, 8)).store(part(ip6.source, at, 8), r1);
    a.load(r1, part(inWay.tunnelDestination, at, 8)).store(part(ip6.destination, at, 8), r1);
  }
  a.mov(r1, ctx).call('csum_update');
}

/** Makes room for the header; the packet is then where it was, with that much of it to be written. */
function grow(a: Assembler, bytes: number, family: number): void {
  a.mov(r1, ctx)
    .mov(r2, bytes)
    .mov(r3, BPF_ADJ_ROOM_MAC)
    .mov(r4, family | BPF_F_ADJ_ROOM_FIXED_GSO);
  a.call('skb_adjust_room').jumpIf(r0, '!=', 0, DROP);
  a.load(packet, SK_BUFF.at(ctx).data).load(r3, SK_BUFF.at(ctx).dataEnd);
  a.needBytes(packet, ETH_HLEN + bytes, r3, r2, DROP);
}
