/** Completes a transport checksum that was left to the sender's card (`skb_checksum_help`). */
import { checksum } from './checksum.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type Packet } from './packet.js';

/**
 * Turns a `CHECKSUM_PARTIAL` packet into one with a full checksum, `CHECKSUM_NONE`; others stay as they are.
 * A checksum of 0 is written as 0xffff, because 0 means "none" to UDP and both are equal to everybody else.
 */
export function completeChecksum(p: Packet): void {
  if (p.ipSummed !== CHECKSUM_PARTIAL) return;
  p.ipSummed = CHECKSUM_NONE;
  if (p.csumStart + p.csumOffset + 2 > p.len) return; // no such field: the packet was cut short
  const start = p.data + p.csumStart;
  p.view.setUint16(start + p.csumOffset, checksum(p.view, start, p.len - p.csumStart) || 0xffff);
}
