/** IPv4 header, RFC 791. Every function takes the view and the header's offset; the caller has checked that it is there. */

/** Length of a header without options, bytes. */
export const IPV4_MIN = 20;
export const IP_DF = 0x4000;
export const IP_MF = 0x2000;
/** Mask of the fragment offset field (units of 8 bytes). */
export const IP_OFFSET = 0x1fff;

export const ipv4Version = (v: DataView, o: number): number => v.getUint8(o) >>> 4;
/** Header length in bytes. */
export const ipv4HeaderLength = (v: DataView, o: number): number => (v.getUint8(o) & 15) << 2;
export const ipv4Tos = (v: DataView, o: number): number => v.getUint8(o + 1);
export const ipv4TotalLength = (v: DataView, o: number): number => v.getUint16(o + 2);
export const ipv4Id = (v: DataView, o: number): number => v.getUint16(o + 4);
/** DF, MF and the fragment offset in units of 8 bytes. */
export const ipv4FragOff = (v: DataView, o: number): number => v.getUint16(o + 6);
/** True for any fragment, the first included. */
export const ipv4IsFragment = (v: DataView, o: number): boolean =>
  (v.getUint16(o + 6) & (IP_MF | IP_OFFSET)) !== 0;
export const ipv4Protocol = (v: DataView, o: number): number => v.getUint8(o + 9);
/** Host-order signed 32-bit integer. */
export const ipv4Source = (v: DataView, o: number): number => v.getInt32(o + 12);
/** Host-order signed 32-bit integer. */
export const ipv4Destination = (v: DataView, o: number): number => v.getInt32(o + 16);
