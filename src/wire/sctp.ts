/** SCTP common header and chunks, RFC 9260. */
import { CRC32C_INIT, crc32cUpdate, crc32cZero4 } from './crc32c.js';

/** Length of the common header, bytes. */
export const SCTP_HEADER = 12;
/** Length of a chunk's header, bytes: type, flags, length (this header included, padding not). */
export const SCTP_CHUNK_HEADER = 4;

export const SCTP_CID_DATA = 0;
export const SCTP_CID_INIT = 1;
export const SCTP_CID_INIT_ACK = 2;
export const SCTP_CID_SACK = 3;
export const SCTP_CID_HEARTBEAT = 4;
export const SCTP_CID_HEARTBEAT_ACK = 5;
export const SCTP_CID_ABORT = 6;
export const SCTP_CID_SHUTDOWN = 7;
export const SCTP_CID_SHUTDOWN_ACK = 8;
export const SCTP_CID_ERROR = 9;
export const SCTP_CID_COOKIE_ECHO = 10;
export const SCTP_CID_COOKIE_ACK = 11;
export const SCTP_CID_ECN_ECNE = 12;
export const SCTP_CID_ECN_CWR = 13;
export const SCTP_CID_SHUTDOWN_COMPLETE = 14;

/** The CRC32c, which is sent with its least significant byte first. */
export const sctpChecksum = (v: DataView, o: number): number => v.getUint32(o + 8, true);

/** The CRC32c that the packet of `length` bytes (12 or more) at `o` should carry. */
export function sctpComputeChecksum(v: DataView, o: number, length: number): number {
  // the field itself counts as four zero bytes
  const crc = crc32cZero4(crc32cUpdate(CRC32C_INIT, v, o, 8));
  return ~crc32cUpdate(crc, v, o + SCTP_HEADER, length - SCTP_HEADER) >>> 0;
}

/** Writes the checksum of the packet of `length` bytes at `o`. */
export function sctpSetChecksum(v: DataView, o: number, length: number): void {
  v.setUint32(o + 8, sctpComputeChecksum(v, o, length), true);
}
