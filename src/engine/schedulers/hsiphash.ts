/** The keyed hash of the Maglev scheduler: SipHash-1-3 (Aumasson and Bernstein, 2012), cut to 32 bits, as 64-bit kernels' `hsiphash`. */

// the four initial words "somepseudorandomlygeneratedbytes", as high and low halves
const V0_HIGH = 0x736f6d65;
const V0_LOW = 0x70736575;
const V1_HIGH = 0x646f7261;
const V1_LOW = 0x6e646f6d;
const V2_HIGH = 0x6c796765;
const V2_LOW = 0x6e657261;
const V3_HIGH = 0x74656462;
const V3_LOW = 0x79746573;
/** The length of the input, 4 bytes, in the highest byte of its only block. */
const BLOCK_HIGH = 4 << 24;
/** One round for the block, three to finish. */
const ROUNDS = 4;

/**
 * Hash of one 32-bit integer (in the byte order of a little-endian machine) under the 128-bit key whose two 64-bit halves both equal `key`
 * (32 bits). The result is an unsigned 32-bit integer. 64-bit words are pairs of 32-bit integers: nothing is allocated.
 */
export function hsiphash(value: number, key: number): number {
  let h0 = V0_HIGH;
  let l0 = V0_LOW ^ key;
  let h1 = V1_HIGH;
  let l1 = V1_LOW ^ key;
  let h2 = V2_HIGH;
  let l2 = V2_LOW ^ key;
  let h3 = V3_HIGH ^ BLOCK_HIGH;
  let l3 = V3_LOW ^ key ^ value;
  for (let round = 0; round < ROUNDS; round++) {
    let t: number;
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    t = (l0 + l1) | 0;
    h0 = (h0 + h1 + carry(l0, l1, t)) | 0;
    l0 = t;
    t = (h1 << 13) | (l1 >>> 19);
    l1 = ((l1 << 13) | (h1 >>> 19)) ^ l0;
    h1 = t ^ h0;
    t = h0;
    h0 = l0;
    l0 = t;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    t = (l2 + l3) | 0;
    h2 = (h2 + h3 + carry(l2, l3, t)) | 0;
    l2 = t;
    t = (h3 << 16) | (l3 >>> 16);
    l3 = ((l3 << 16) | (h3 >>> 16)) ^ l2;
    h3 = t ^ h2;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    t = (l0 + l3) | 0;
    h0 = (h0 + h3 + carry(l0, l3, t)) | 0;
    l0 = t;
    t = (h3 << 21) | (l3 >>> 11);
    l3 = ((l3 << 21) | (h3 >>> 11)) ^ l0;
    h3 = t ^ h0;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    t = (l2 + l1) | 0;
    h2 = (h2 + h1 + carry(l2, l1, t)) | 0;
    l2 = t;
    t = (h1 << 17) | (l1 >>> 15);
    l1 = ((l1 << 17) | (h1 >>> 15)) ^ l2;
    h1 = t ^ h2;
    t = h2;
    h2 = l2;
    l2 = t;
    if (round === 0) {
      h0 ^= BLOCK_HIGH;
      l0 ^= value;
      l2 ^= 0xff;
    }
  }
  return (l0 ^ l1 ^ l2 ^ l3) >>> 0;
}

/** What the 32-bit addition that gave `sum` carries over: 0 or 1. */
function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31;
}
