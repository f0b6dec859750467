/** Completes a transport checksum that was left to the sender's card (`skb_checksum_help`). */
import { checksum, checksumAdd } from './checksum.js';
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

/**
 * Sum, on top of `sum`, of the packet's bytes from `at` to its end, as they will be once its checksum is complete (`lco_csum`): all that a
 * checksum covers sums to what its field was before, complemented. Not folded.
 * @param at offset in the view, not behind where a partial checksum starts.
 */
export function completedSum(p: Packet, at: number, sum = 0): number {
  const end = p.data + p.len;
  const start = p.data + p.csumStart;
  const field = start + p.csumOffset;
  if (p.ipSummed !== CHECKSUM_PARTIAL || field + 2 > end) return checksumAdd(p.view, at, end - at, sum);
  return checksumAdd(p.view, at, start - at, sum + (~p.view.getUint16(field) & 0xffff));
}
