/** CRC32c (Castagnoli), reflected, as SCTP uses it (RFC 9260 appendix A). */

const POLYNOMIAL = 0x82f6_3b78;

/** Eight tables of 256 words: the table `k` advances a byte by `k` more bytes, so that eight bytes are done at once. */
const TABLE = makeTables();

function makeTables(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    table[n] = crc;
  }
  for (let n = 256; n < table.length; n++) {
    const before = table[n - 256]!;
    table[n] = (before >>> 8) ^ table[before & 255]!;
  }
  return table;
}

/** What a CRC begins with. */
export const CRC32C_INIT = -1;

/** Continues `crc` over `length` bytes at `offset`; neither begins nor ends it: see {@link crc32c}. */
export function crc32cUpdate(crc: number, v: DataView, offset: number, length: number): number {
  let c = crc;
  let o = offset;
  const end = offset + length;
  for (const end8 = end - 7; o < end8; o += 8) {
    const a = v.getInt32(o, true) ^ c;
    const b = v.getInt32(o + 4, true);
    c =
      TABLE[1792 + (a & 255)]! ^
      TABLE[1536 + ((a >>> 8) & 255)]! ^
      TABLE[1280 + ((a >>> 16) & 255)]! ^
      TABLE[1024 + (a >>> 24)]! ^
      TABLE[768 + (b & 255)]! ^
      TABLE[512 + ((b >>> 8) & 255)]! ^
      TABLE[256 + ((b >>> 16) & 255)]! ^
      TABLE[b >>> 24]!;
  }
  for (; o < end; o++) c = TABLE[(c ^ v.getUint8(o)) & 255]! ^ (c >>> 8);
  return c;
}

/** Continues `crc` over four zero bytes. */
export function crc32cZero4(crc: number): number {
  return (
    TABLE[768 + (crc & 255)]! ^
    TABLE[512 + ((crc >>> 8) & 255)]! ^
    TABLE[256 + ((crc >>> 16) & 255)]! ^
    TABLE[crc >>> 24]!
  );
}

/** The CRC32c of `length` bytes at `offset`, unsigned. */
export function crc32c(v: DataView, offset: number, length: number): number {
  return ~crc32cUpdate(CRC32C_INIT, v, offset, length) >>> 0;
}
