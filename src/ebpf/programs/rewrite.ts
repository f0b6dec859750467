/**
 * NAT of a packet: addresses, ports, TTL, and the checksums that have to follow. A transport checksum that is still to be completed, by a network card that
 * may never see it, has the sum of the pseudo header in its field: packets that come from this machine through veth. One whole packet in 65,536 looks like
 * that too, and is treated likewise.
 */
import type { Assembler } from '../assembler.js';
import { type Memory, type Register, r0, r1, r2, r3, r4, r5 } from '../operand.js';
import {
  decrementTtl4,
  decrementTtl6,
  type Frame,
  fold,
  inFlow,
  ip4,
  ip6,
  packet,
  rewriteAddress,
  SLOW,
  tcp4,
  tcp6,
  udp4,
  udp6,
} from './common.js';
import { FLOW_ACTIONS } from './flow-maps.js';
import { ETH_HLEN, IPPROTO_TCP, IPPROTO_UDP, IPV4, IPV6, TCP } from './headers.js';

const FAMILIES = {
  4: { header: IPV4.size, ip: ip4, protocol: ip4.protocol, tcp: tcp4, udp: udp4 },
  6: { header: IPV6.size, ip: ip6, protocol: ip6.nextHeader, tcp: tcp6, udp: udp6 },
} as const;

/** Goes to `open` with a packet of TCP or UDP whose checksum is not whole. @param dataEnd where the context says that the packet ends. */
export function unlessWhole(a: Assembler, f: Frame, version: 4 | 6, dataEnd: Memory, open: string): void {
  const { header, protocol, tcp, udp } = FAMILIES[version];
  const isUdp = a.newLabel('sum.udp');
  const compare = a.newLabel('sum.compare');
  sumPseudoHeader(a, f, version, r2, r5);
  a.load(r5, protocol).jumpIf(r5, '!=', IPPROTO_TCP, isUdp);
  // the verifier has forgotten that it is there
  a.load(r5, dataEnd).needBytes(packet, ETH_HLEN + header + TCP.size, r5, r1, SLOW);
  a.load(r1, tcp.checksum).jump(compare);
  a.label(isUdp).load(r1, udp.checksum);
  a.label(compare).jumpIf(r1, '==', r2, open);
}

/** The sum of the packet's pseudo header, folded. */
function sumPseudoHeader(
  a: Assembler,
  { locals }: Frame,
  version: 4 | 6,
  sum: Register,
  scratch: Register,
): void {
  const { header } = FAMILIES[version];
  a.load(sum, inFlow.pseudoSum);
  a.load(scratch, locals.length).sub(scratch, header).toBigEndian(scratch, 16).add(sum, scratch);
  fold(a, sum, scratch);
}

/**
 * Rewrites a packet of TCP or UDP whose checksum is whole; the flow's action is in r0. Others go to `open`, unchanged. A datagram has a checksum, or goes to
 * the slow path. @param dataEnd where the context says that the packet ends.
 */
export function rewriteWhole(a: Assembler, f: Frame, version: 4 | 6, dataEnd: Memory, open: string): void {
  const { header, protocol, tcp, udp } = FAMILIES[version];
  const isUdp = a.newLabel('nat.udp');
  const rewrite = a.newLabel('nat.rewrite');
  const [sum, pseudo, delta] = [r1, r2, r4];
  sumPseudoHeader(a, f, version, pseudo, r5);
  a.load(r3, inFlow.addressDelta).load(delta, inFlow.portDelta).add(delta, r3);
  a.load(r5, protocol).jumpIf(r5, '==', IPPROTO_UDP, isUdp).jumpIf(r5, '!=', IPPROTO_TCP, open);
  // the verifier has forgotten that it is there
  a.load(r5, dataEnd).needBytes(packet, ETH_HLEN + header + TCP.size, r5, sum, SLOW);
  a.load(sum, tcp.checksum).jumpIf(sum, '==', pseudo, open).xor(sum, 0xffff).add(sum, delta);
  fold(a, sum, r2);
  a.xor(sum, 0xffff).store(tcp.checksum, sum).jump(rewrite);
  a.label(isUdp);
  a.load(sum, udp.checksum).jumpIf(sum, '==', 0, SLOW).jumpIf(sum, '==', pseudo, open);
  a.xor(sum, 0xffff).add(sum, delta);
  fold(a, sum, r2);
  const mangled = a.newLabel('nat.mangled');
  a.xor(sum, 0xffff).jumpIf(sum, '!=', 0, mangled).mov(sum, 0xffff).label(mangled).store(udp.checksum, sum);
  a.label(rewrite);
  if (version === 4) decrementTtl4(a, r3);
  else decrementTtl6(a);
  rewriteEnd(a, version);
}

/** Puts the flow's address and port in place of the packet's; the flow's action is in r0. */
export function rewriteEnd(a: Assembler, version: 4 | 6): void {
  const { ip, tcp } = FAMILIES[version];
  const reply = a.newLabel('nat.reply');
  const done = a.newLabel('nat.done');
  a.load(r4, inFlow.port).jumpIf(r0, '==', FLOW_ACTIONS.natReply, reply);
  rewriteAddress(a, version, ip.destination).store(tcp.destination, r4).jump(done);
  a.label(reply);
  rewriteAddress(a, version, ip.source).store(tcp.source, r4);
  a.label(done);
}
