/** TCP header, RFC 9293. */

/** Length of a header without options, bytes. */
export const TCP_MIN = 20;
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
/** Congestion experienced (RFC 3168). */
export const TCP_ECE = 0x40;
/** Congestion window reduced (RFC 3168). */
export const TCP_CWR = 0x80;
/** Offset of the checksum field. */
export const TCP_CHECKSUM = 16;

export const tcpSourcePort = (v: DataView, o: number): number => v.getUint16(o);
export const tcpDestinationPort = (v: DataView, o: number): number => v.getUint16(o + 2);
export const tcpSequence = (v: DataView, o: number): number => v.getUint32(o + 4);
export const tcpAck = (v: DataView, o: number): number => v.getUint32(o + 8);
/** Header length in bytes. */
export const tcpHeaderLength = (v: DataView, o: number): number => (v.getUint8(o + 12) >>> 4) << 2;
export const tcpFlags = (v: DataView, o: number): number => v.getUint8(o + 13);
export const tcpWindow = (v: DataView, o: number): number => v.getUint16(o + 14);
