/**
 * Generic UDP Encapsulation, version 0 (draft-ietf-intarea-gue), the header behind the UDP header: version, control bit and
 * length of the options in words; the IP protocol of what is inside; flags.
 */

/** Length without options, bytes. */
export const GUE_HEADER = 4;
/** Flag: private flags follow. */
export const GUE_FLAG_PRIV = 0x0001;
/** Private flag: start and offset of the inner checksum follow, which the receiver completes. */
export const GUE_PFLAG_REMCSUM = 0x8000_0000;
/** Bytes of the private flags field and of the remote checksum option. */
export const GUE_REMCSUM_OPTIONS = 8;

export const gueVersion = (v: DataView, o: number): number => v.getUint8(o) >>> 6;
/** True for a control message: nothing is inside. */
export const gueIsControl = (v: DataView, o: number): boolean => (v.getUint8(o) & 0x20) !== 0;
/** Bytes from this header to the packet inside. */
export const gueHeaderLength = (v: DataView, o: number): number => GUE_HEADER + ((v.getUint8(o) & 0x1f) << 2);
/** IP protocol of what is inside: 4 for IPv4, 41 for IPv6. */
export const gueProtocol = (v: DataView, o: number): number => v.getUint8(o + 1);
export const gueFlags = (v: DataView, o: number): number => v.getUint16(o + 2);

/** Writes a header without options. */
export function writeGue(v: DataView, o: number, protocol: number): void {
  v.setUint8(o, 0);
  v.setUint8(o + 1, protocol);
  v.setUint16(o + 2, 0);
}

/**
 * Writes a header of 12 bytes that leaves the inner checksum to the receiver.
 * @param start where summing starts, counted from the end of this header.
 * @param offset where the checksum is, counted likewise.
 */
export function writeGueRemcsum(
  v: DataView,
  o: number,
  protocol: number,
  start: number,
  offset: number,
): void {
  v.setUint8(o, GUE_REMCSUM_OPTIONS >>> 2);
  v.setUint8(o + 1, protocol);
  v.setUint16(o + 2, GUE_FLAG_PRIV);
  v.setUint32(o + 4, GUE_PFLAG_REMCSUM);
  v.setUint16(o + 8, start);
  v.setUint16(o + 10, offset);
}
