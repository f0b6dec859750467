/** UDP header, RFC 768. */

export const UDP_HEADER = 8;
/** Offset of the checksum field; 0 in it means that there is none. */
export const UDP_CHECKSUM = 6;

export const udpSourcePort = (v: DataView, o: number): number => v.getUint16(o);
export const udpDestinationPort = (v: DataView, o: number): number => v.getUint16(o + 2);
/** Header and data, bytes. */
export const udpLength = (v: DataView, o: number): number => v.getUint16(o + 4);
