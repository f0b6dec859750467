/** TCP options (RFC 9293 3.1): a walk over them. */
import { TCP_MIN, tcpHeaderLength } from './tcp.js';

export const TCPOPT_WINDOW = 3;
export const TCPOPT_SACK_PERM = 4;
export const TCPOPT_SACK = 5;
const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;

/** Length of a SACK option's blocks, bytes each (RFC 2018 3). */
export const SACK_BLOCK = 8;

/**
 * Calls `visit` for each option of the header at `tcp` but padding.
 * @param visit kind, offset of the option's data, and the data's length in bytes.
 * @returns false when an option does not fit in the header; those before it have been visited.
 */
export function tcpOptions(
  v: DataView,
  tcp: number,
  visit: (kind: number, at: number, length: number) => void,
): boolean {
  const end = tcp + tcpHeaderLength(v, tcp);
  let at = tcp + TCP_MIN;
  while (at < end) {
    const kind = v.getUint8(at);
    if (kind === TCPOPT_EOL) return true;
    if (kind === TCPOPT_NOP) {
      at++;
      continue;
    }
    if (at + 1 === end) return false;
    const length = v.getUint8(at + 1);
    if (length < 2 || at + length > end) return false;
    visit(kind, at + 2, length - 2);
    at += length;
  }
  return true;
}
