/** GRE header, RFC 2784: flags and version, protocol type, and, with a checksum, 4 bytes more. */
import { checksum } from './checksum.js';

/** Length without a checksum, bytes. */
export const GRE_HEADER = 4;
/** With one. */
export const GRE_HEADER_CSUM = 8;
/** Flag: the checksum is present. */
export const GRE_CSUM = 0x8000;
/** Bits that RFC 2784 wants to be 0 in a header that a receiver of version 0 understands: all but the checksum flag. */
export const GRE_UNKNOWN = 0x7fff;
/** Protocol types: the packet inside is IPv4 or IPv6. */
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;

/** Flags and version. */
export const greFlags = (v: DataView, o: number): number => v.getUint16(o);
export const greProtocol = (v: DataView, o: number): number => v.getUint16(o + 2);
/** Bytes from the header to the packet inside: 4, or 8 with a checksum. */
export const greHeaderLength = (v: DataView, o: number): number =>
  (v.getUint16(o) & GRE_CSUM) !== 0 ? GRE_HEADER_CSUM : GRE_HEADER;

/** Writes a header in front of a packet. @param csum with a checksum, which is 0 for now: see {@link greSetChecksum}. */
export function writeGre(v: DataView, o: number, protocol: number, csum: boolean): void {
  v.setUint16(o, csum ? GRE_CSUM : 0);
  v.setUint16(o + 2, protocol);
  if (csum) v.setUint32(o + 4, 0);
}

/** Writes the checksum of a header that has one. @param length bytes of header and packet together. */
export function greSetChecksum(v: DataView, o: number, length: number): void {
  v.setUint32(o + 4, 0);
  v.setUint16(o + 4, checksum(v, o, length));
}
