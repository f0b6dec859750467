/** The hash functions that sh, dh, lblc and lblcr share, and what sh and mh hash of a packet. */
import { AF_INET, type Family } from '../../wire/inet.js';
import type { Packet } from '../../wire/packet.js';
import type { Dest } from '../dest.js';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../flags.js';
import type { IpHdr } from '../iphdr.js';

/** `GOLDEN_RATIO_32`. */
const GOLDEN_RATIO = 0x61c88647;

/** An address as one 32-bit integer: IPv4 as it is, IPv6 as its four words combined by exclusive or. */
export function foldAddress(family: Family, words: Int32Array): number {
  return family === AF_INET ? words[0]! : words[0]! ^ words[1]! ^ words[2]! ^ words[3]!;
}

/** The upper `bits` (1..32) bits of a multiplicative hash of `value` (`hash_32`). */
export function hash32(value: number, bits: number): number {
  return Math.imul(value, GOLDEN_RATIO) >>> (32 - bits);
}

/**
 * What source hashing goes by: the client's folded address plus, with `withPort`, its port, as a 32-bit integer.
 * In a header inside an ICMP error that is seen from the other side, the client is the destination.
 */
export function clientKey(packet: Packet, iph: IpHdr, withPort: boolean): number {
  const address = foldAddress(iph.family, iph.inverse ? iph.daddr : iph.saddr);
  return withPort ? (address + clientPort(packet, iph)) | 0 : address;
}

/** The client's port, or 0 when the protocol has none or the packet ends before its ports do. */
function clientPort(packet: Packet, iph: IpHdr): number {
  const { protocol } = iph;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_SCTP) return 0;
  // an ICMP error need not hold more of the transport header than its ports
  if (iph.len + 4 > packet.len) return 0;
  return packet.view.getUint16(packet.data + iph.len + (iph.inverse ? 2 : 0));
}

/** What is said of a choice by a hash of `what`. */
export function hashRule(what: string, fallback: boolean): string {
  return `the server of the bucket that ${what} hashes to${fallback ? ', or a usable one of another bucket' : '; none when that is not usable'}`;
}

/** How many buckets of a hash table each dest has. */
export function bucketsOf(table: readonly (Dest | null)[]): (dest: Dest) => { buckets: number } {
  const counts = new Map<Dest | null, number>();
  for (const dest of table) counts.set(dest, (counts.get(dest) ?? 0) + 1);
  return (dest) => ({ buckets: counts.get(dest) ?? 0 });
}
