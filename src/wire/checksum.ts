/** The Internet checksum: RFC 1071, and its incremental update, RFC 1624. Sums are plain numbers, folded at the end. */

/**
 * Sum of the 16-bit big-endian words of `length` bytes at `offset`, added to `sum`; an odd last byte counts as if a zero byte followed.
 * Not folded: 32-bit words are added as they are, since both halves of one weigh the same modulo 0xffff. Exact below 8 MiB.
 */
export function checksumAdd(v: DataView, offset: number, length: number, sum = 0): number {
  let s = sum;
  let o = offset;
  const end4 = offset + (length & ~3);
  if (length >= 64) {
    // independent sums keep the processor's adders busy: 1.7 times as fast on long packets
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (const end16 = offset + (length & ~15); o < end16; o += 16) {
      s += v.getUint32(o);
      s1 += v.getUint32(o + 4);
      s2 += v.getUint32(o + 8);
      s3 += v.getUint32(o + 12);
    }
    s += s1 + s2 + s3;
  }
  for (; o < end4; o += 4) s += v.getUint32(o);
  if (length & 2) {
    s += v.getUint16(o);
    o += 2;
  }
  if (length & 1) s += v.getUint8(o) << 8;
  return s;
}

/** Folds a sum to 16 bits, without complementing it. */
export function checksumFold(sum: number): number {
  const low = sum >>> 0;
  let s = (low >>> 16) + (low & 0xffff) + (sum - low) / 0x1_0000_0000;
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  return s;
}

/** The checksum (folded and complemented) of `length` bytes at `offset`, on top of `sum`. */
export function checksum(v: DataView, offset: number, length: number, sum = 0): number {
  return ~checksumFold(checksumAdd(v, offset, length, sum)) & 0xffff;
}

/** Sum of the pseudo header of an IPv4 packet (RFC 9293 3.1) whose IP header is at `ip`. */
export function pseudoSum4(v: DataView, ip: number, protocol: number, length: number): number {
  return v.getUint32(ip + 12) + v.getUint32(ip + 16) + protocol + length;
}

/** Sum of the pseudo header of an IPv6 packet (RFC 8200 8.1) whose fixed header is at `ip`. */
export function pseudoSum6(v: DataView, ip: number, protocol: number, length: number): number {
  return checksumAdd(v, ip + 8, 32, protocol + length);
}

/**
 * Difference that replacing a 32-bit word makes to a checksum; differences add up, and {@link checksumUpdate} applies them.
 * @param from,to signed or unsigned 32-bit integers.
 */
export function delta32(from: number, to: number): number {
  return halves(~from) + halves(to);
}

/** As {@link delta32} for a 16-bit word. */
export function delta16(from: number, to: number): number {
  return (~from & 0xffff) + to;
}

/** A complemented checksum after the change `delta` (RFC 1624, equation 3). */
export function checksumUpdate(check: number, delta: number): number {
  let s = (~check & 0xffff) + delta;
  s = (s & 0xffff) + (s >>> 16);
  s = (s & 0xffff) + (s >>> 16);
  return ~s & 0xffff;
}

/** An uncomplemented partial sum (the field of a `CHECKSUM_PARTIAL` packet) after the change `delta`. */
export function partialUpdate(sum: number, delta: number): number {
  let s = sum + delta;
  s = (s & 0xffff) + (s >>> 16);
  s = (s & 0xffff) + (s >>> 16);
  return s;
}

/** True when the checksum of the IPv4 header at `ip` is right. @param length of the header, bytes, at least 20. */
export function ipv4ChecksumOk(v: DataView, ip: number, length: number): boolean {
  // once for each packet that is read, so in integers
  let s = 0;
  for (let o = ip; o < ip + length; o += 4) s += halves(v.getInt32(o));
  return (s & 0xffff) + (s >>> 16) === 0xffff;
}

/**
 * Writes the header checksum of the IPv4 header at `ip`.
 * @param length of the header, bytes; 20 are read even when it claims to be shorter.
 */
export function ipv4SetChecksum(v: DataView, ip: number, length: number): void {
  // once for each packet, so by hand: integers, and no 32-bit read of what was just written as 16 bits, which stalls
  let s = v.getUint16(ip + 8) + halves(v.getInt32(ip)) + halves(v.getInt32(ip + 4));
  s += halves(v.getInt32(ip + 12)) + halves(v.getInt32(ip + 16));
  for (let o = ip + 20; o < ip + length; o += 4) s += halves(v.getInt32(o));
  s = (s & 0xffff) + (s >>> 16);
  s = (s & 0xffff) + (s >>> 16);
  v.setUint16(ip + 10, ~s & 0xffff);
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}
