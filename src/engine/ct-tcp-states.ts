/** TCP as connection tracking sees it (`nf_conntrack_tcp`): states, what a segment does to them, and how long they last. */

export const CT_S_NONE = 0;
export const CT_S_SYN_SENT = 1;
export const CT_S_SYN_RECV = 2;
export const CT_S_ESTABLISHED = 3;
export const CT_S_FIN_WAIT = 4;
export const CT_S_CLOSE_WAIT = 5;
export const CT_S_LAST_ACK = 6;
export const CT_S_TIME_WAIT = 7;
export const CT_S_CLOSE = 8;
/** A SYN from either side: simultaneous open. */
export const CT_S_SYN_SENT2 = 9;
/** No state: the segment is let pass and changes nothing. */
export const CT_S_IGNORE = 10;
/** No state: the segment belongs to nothing. */
export const CT_S_INVALID = 11;

/** Kinds of segment: rows of the table. The first of RST, SYN (with or without ACK), FIN, ACK counts. */
export const CT_SYN = 0;
export const CT_SYNACK = 1;
export const CT_FIN = 2;
export const CT_ACK = 3;
export const CT_RST = 4;
export const CT_NO_FLAG = 5;

const NAMES = ['-', 'SS', 'SR', 'ES', 'FW', 'CW', 'LA', 'TW', 'CL', 'S2', 'ig', '!!'];
const KINDS = 6;
const ROW = 10;

/** Columns: NONE SS SR ES FW CW LA TW CL S2; rows: kinds; first from the side that opened, then from the other. */
const TABLE: Uint8Array = Uint8Array.from(
  `SS SS ig ig ig ig ig SS SS S2   !! !! SR !! !! !! !! !! !! SR   !! !! FW FW LA LA LA TW CL !!
   ES !! ES ES CW CW TW TW CL !!   !! CL CL CL CL CL CL CL CL CL   !! !! !! !! !! !! !! !! !! !!

   !! S2 !! !! !! !! !! SS !! S2   !! SR ig ig ig ig ig ig ig SR   !! !! FW FW LA LA LA TW CL !!
   !! ig SR ES CW CW TW TW CL ig   !! CL CL CL CL CL CL CL CL CL   !! !! !! !! !! !! !! !! !! !!`
    .trim()
    .split(/\s+/)
    .map((name) => NAMES.indexOf(name)),
);

/** The state, or `CT_S_IGNORE` or `CT_S_INVALID`. @param reply the segment is not from the side that opened. */
export function ctNextState(reply: boolean, kind: number, state: number): number {
  return TABLE[((reply ? KINDS : 0) + kind) * ROW + state]!;
}

/** Seconds that each state lasts without a segment. */
export const CT_TIMEOUTS = [0, 120, 60, 432_000, 120, 60, 30, 120, 10, 120] as const;
/** Seconds after retransmissions, a closed window, unacknowledged data or, with no reply seen yet, in ESTABLISHED. */
export const CT_SHORT_TIMEOUT = 300;
