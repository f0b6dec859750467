/**
 * GUE and GRE headers between an outer IP header and the packet. Their checksums cover the packet, but nobody has to read it: a packet whose own checksum is
 * right sums up to its IP header less its pseudo header, as the kernel's local checksum offload has it. One whose checksum is wrong gets wrong
 * ones in both places.
 */
import type { Assembler } from '../assembler.js';
import { type Memory, part, r0, r1, r2, r3, r4, r5 } from '../operand.js';
import { type Frame, fold, inFlow, inWay, ip4, ip6, packet } from './common.js';
import { TUNNEL_TYPES } from './flow-maps.js';
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6, GRE, GUE, htons, IPPROTO_UDP, IPV4, IPV6, UDP } from './headers.js';

const GRE_CSUM = htons(0x8000);
/** GRE without a checksum. */
export const GRE_SHORT = 4;
/** Protocol numbers of what is inside. */
export const INNER = { 4: 4, 6: 41 } as const;
/** Where to go with a packet for which there was no room: it has been changed already. */
export const DROP = 'drop';
const ONES = 0xffff;

/** Stores the sum of the packet, which is all in reach up to its addresses, if its way needs it. */
export function sumInner(a: Assembler, to: Memory, version: 4 | 6): void {
  const done = `tunnel.unsummed.v${version}`;
  const sum = r1;
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '==', 0, done);
  if (version === 4) {
    // the header itself sums up to nothing
    a.load(sum, ip4.source).load(r2, ip4.destination).xor32(sum, -1).xor32(r2, -1).add(sum, r2);
    a.load(r2, ip4.protocol).toBigEndian(r2, 16).xor(r2, ONES).add(sum, r2);
    a.load(r2, ip4.totalLength).toBigEndian(r2, 16).sub(r2, IPV4.size).toBigEndian(r2, 16);
    a.xor(r2, ONES).add(sum, r2);
  } else {
    // addresses and length are in the header and in the pseudo header
    a.load(sum, ip6.versionClassFlow)
      .load(r2, part(ip6.nextHeader, 0, 2))
      .add(sum, r2);
    a.load(r2, ip6.nextHeader).toBigEndian(r2, 16).xor(r2, ONES).add(sum, r2);
  }
  fold(a, sum, r2, 3);
  a.store(to, sum).label(done);
}

/**
 * Writes the header behind an outer IP header. Needs the packet's end in r3.
 * Adds the sum of what it has written to r5.
 */
export function writeShim(a: Assembler, f: Frame, version: 4 | 6, outside: 4 | 6): void {
  const at = ETH_HLEN + (outside === 4 ? IPV4.size : IPV6.size);
  const gre = `tunnel.gre.${outside}.v${version}`;
  const done = `tunnel.shim.${outside}.v${version}`;
  a.load(r1, inWay.tunnelType).jumpIf(r1, '==', TUNNEL_TYPES.gre, gre);
  writeGue(a, f, version, at, done);
  a.label(gre);
  writeGre(a, f, version, at, done);
  a.label(done);
}

function writeGue(a: Assembler, { locals }: Frame, version: 4 | 6, at: number, done: string): void {
  const udp = UDP.at(packet, at);
  const gue = GUE.at(packet, at + UDP.size);
  const sum = r0;
  a.needBytes(packet, at + UDP.size + GUE.size, r3, r2, DROP);
  a.load(sum, inFlow.port).store(udp.source, sum);
  a.load(r1, inWay.tunnelPort).store(udp.destination, r1).add(sum, r1);
  a.load(r4, locals.length)
    .add(r4, UDP.size + GUE.size)
    .toBigEndian(r4, 16)
    .store(udp.length, r4)
    .add(sum, r4);
  a.store(udp.checksum, 0).store(gue.control, 0).store(gue.protocol, INNER[version]).store(gue.flags, 0);
  a.add(sum, INNER[version] << 8).add(r5, sum);
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '==', 0, done);
  // the pseudo header has addresses, protocol, and the length once more
  a.load(r1, inWay.tunnelSum).add(sum, r1).add(sum, r4).add(sum, htons(IPPROTO_UDP));
  a.load(r1, locals.inner).add(sum, r1);
  fold(a, sum, r2);
  const written = a.newLabel('tunnel.mangled');
  a.xor(sum, ONES).jumpIf(sum, '!=', 0, written).mov(sum, ONES);
  a.label(written).store(udp.checksum, sum).add(r5, sum).jump(done);
}

function writeGre(a: Assembler, { locals }: Frame, version: 4 | 6, at: number, done: string): void {
  const gre = GRE.at(packet, at);
  const type = htons(version === 4 ? ETH_P_IP : ETH_P_IPV6);
  const sum = r0;
  a.needBytes(packet, at + GRE_SHORT, r3, r2, DROP);
  a.store(gre.flags, 0).store(gre.type, type).add(r5, type);
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '==', 0, done);
  a.needBytes(packet, at + GRE.size, r3, r2, DROP);
  a.store(gre.flags, GRE_CSUM).store(gre.reserved, 0).add(r5, GRE_CSUM);
  a.load(sum, locals.inner).add(sum, type + GRE_CSUM);
  fold(a, sum, r2);
  a.xor(sum, ONES).store(gre.checksum, sum).add(r5, sum);
}
