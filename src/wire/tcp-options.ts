/** TCP options (RFC 9293 3.1): a walk over them. */
import { TCP_MIN, tcpHeaderLength } from './tcp.js';

export const TCPOPT_MSS = 2;
export const TCPOPT_WINDOW = 3;
export const TCPOPT_SACK_PERM = 4;
export const TCPOPT_SACK = 5;
const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
/** Kind, length and value. */
const MSS_LENGTH = 4;

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

/**
 * Where the 16 bits of the MSS option are in the header at `tcp` (RFC 9293 3.7.1), or -1 when there is none in good form. All of the header has
 * to be there.
 */
export function mssOffset(v: DataView, tcp: number): number {
  const end = tcp + tcpHeaderLength(v, tcp);
  for (let at = tcp + TCP_MIN; at < end; ) {
    const kind = v.getUint8(at);
    if (kind === TCPOPT_EOL) return -1;
    const length = kind === TCPOPT_NOP ? 1 : at + 1 < end ? v.getUint8(at + 1) : 0;
    if (length === 0 || (kind !== TCPOPT_NOP && length < 2) || at + length > end) return -1;
    if (kind === TCPOPT_MSS) return length === MSS_LENGTH ? at + 2 : -1;
    at += length;
  }
  return -1;
}
