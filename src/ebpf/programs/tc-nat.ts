/** NAT in the tc program. */
import type { Assembler } from '../assembler.js';
import { r0, r1, r2, r3, r4, r5 } from '../operand.js';
import {
  ctx,
  decrementTtl4,
  decrementTtl6,
  type Frame,
  inFlow,
  ip4,
  ip6,
  packet,
  SLOW,
  udp4,
  udp6,
} from './common.js';
import {
  ETH_HLEN,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4,
  IPV6,
  SK_BUFF,
  TCP,
  UDP,
} from './headers.js';
import { report } from './report.js';
import { rewriteEnd, rewriteWhole } from './rewrite.js';
import { DROP } from './tunnel-shim.js';

/** Flags of `bpf_l4_csum_replace`: the change is one of the pseudo header; a UDP checksum of 0 becomes 0xffff. */
const BPF_F_PSEUDO_HDR = 0x10;
const BPF_F_MARK_MANGLED_0 = 0x20;
/** One less in the upper byte of a word. */
const HOP = 0xfeff;

/** Rewrites addresses, ports, checksums and TTL, and reports what is to be reported. */
export function nat(a: Assembler, f: Frame, version: 4 | 6): void {
  const hasSum = a.newLabel('nat.sum');
  const open = a.newLabel('nat.open');
  const done = a.newLabel('nat.sent');
  const skb = SK_BUFF.at(ctx);
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader).jumpIf(r1, '!=', IPPROTO_UDP, hasSum);
  // a datagram without a checksum is given one by the slow path
  a.load(r1, version === 4 ? udp4.checksum : udp6.checksum).jumpIf(r1, '==', 0, SLOW);
  a.label(hasSum);
  report(a, f, version);
  a.load(r0, inFlow.action);
  // segments in one are always to be completed
  a.load(r1, skb.gsoSize).jumpIf(r1, '!=', 0, open);
  rewriteWhole(a, f, version, skb.dataEnd, open);
  updateSum(a, version, true);
  a.jump(done).label(open);
  rewriteOpen(a, version);
  a.label(done);
}

/** A checksum that is still to be completed is changed by the kernel's helper, which knows that: the port is none of it then. */
function rewriteOpen(a: Assembler, version: 4 | 6): void {
  const at = ETH_HLEN + (version === 4 ? IPV4.size : IPV6.size);
  if (version === 4) {
    a.load(r3, inFlow.addressDelta);
    decrementTtl4(a, r3);
  } else decrementTtl6(a);
  rewriteEnd(a, version);
  // from here on the register of the packet holds the place of its checksum
  const udpFlags = a.newLabel('open.udp');
  const replace = a.newLabel('open.replace');
  const summed = a.newLabel('open.summed');
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader);
  // what SCTP sums up has not changed
  a.jumpIf(r1, '==', IPPROTO_SCTP, summed);
  a.mov(r5, BPF_F_PSEUDO_HDR).jumpIf(r1, '!=', IPPROTO_TCP, udpFlags);
  a.mov(packet, at + TCP.fields.checksum.offset).jump(replace);
  a.label(udpFlags)
    .mov(packet, at + UDP.fields.checksum.offset)
    .mov(r5, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
  a.label(replace);
  a.mov(r1, ctx).mov(r2, packet).mov(r3, 0).load(r4, inFlow.addressDelta).call('l4_csum_replace');
  a.load(r4, inFlow.portDelta).jumpIf(r4, '==', 0, summed);
  const flagless = a.newLabel('open.flags');
  a.mov(r5, 0)
    .jumpIf(packet, '==', at + TCP.fields.checksum.offset, flagless)
    .mov(r5, BPF_F_MARK_MANGLED_0);
  a.label(flagless).mov(r1, ctx).mov(r2, packet).mov(r3, 0).call('l4_csum_replace');
  a.label(summed);
  // the helper has counted the address as if a header checksum made up for it; where it was not called, nothing does
  if (version === 6) a.mov(r1, ctx).load(r2, inFlow.addressDelta).add(r2, HOP).call('csum_update');
  // the Ethernet header is to be in reach again
  const { data, dataEnd } = SK_BUFF.at(ctx);
  a.load(packet, data).load(r2, dataEnd).needBytes(packet, ETH_HLEN, r2, r1, DROP);
}

/**
 * Puts the sum right that a network card may have taken of the whole packet. Changes of IPv4's header are made up for by its checksum, and those of the
 * ports by the transport's, which takes up the address as well: that is one too many for IPv4, and for IPv6 what makes up for it. The hop limit of IPv6 nothing makes up for.
 * @param address whether the transport's checksum has taken up a new address.
 */
export function updateSum(a: Assembler, version: 4 | 6, address: boolean): void {
  if (version === 6) a.mov(r1, ctx).mov(r2, HOP).call('csum_update');
  else if (address) a.mov(r1, ctx).load(r2, inFlow.addressDelta).xor(r2, 0xffff).call('csum_update');
}
