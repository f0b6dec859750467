/** The state tables of TCP (`ip_vs_proto_tcp.c`): [direction][event][state] -> state. Every cell is held by a test against the kernel's. */

/** States, in the kernel's numbering, by the names listings show. */
export const TCP_STATES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;

export const TCP_S_ESTABLISHED = 1;
export const TCP_S_SYN_RECV = 3;
export const TCP_S_FIN_WAIT = 4;
export const TCP_S_TIME_WAIT = 5;
export const TCP_S_CLOSE = 6;
export const TCP_S_CLOSE_WAIT = 7;
export const TCP_S_LAST_ACK = 8;
export const TCP_S_LISTEN = 9;
export const TCP_S_SYNACK = 10;

/** Seconds in each state. */
export const TCP_TIMEOUTS = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120, 2] as const;

/** Bit n is set when state n counts as active. */
export const TCP_ACTIVE = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 10);

/** Events: rows of a table. */
export const TCP_EV_SYN = 0;
export const TCP_EV_FIN = 1;
export const TCP_EV_ACK = 2;
export const TCP_EV_RST = 3;

/** States in a row of a table, padded to a power of two. */
export const TCP_ROW = 16;
/** Cells of one direction. */
export const TCP_DIRECTION = 4 * TCP_ROW;
/** Third direction: packets of the client where the server's are not seen. */
export const DIR_INPUT_ONLY = 2;

const ABBREVIATIONS = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

/** One direction: rows syn, fin, ack, rst; columns NO ES SS SR FW TW CL CW LA LI SA. */
type Direction = readonly [string, string, string, string];

const NORMAL: readonly Direction[] = [
  [
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL CW SS TW TW TW CL CW LA LI TW',
    'ES ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI SR',
  ],
  [
    'SS ES SS SR SS SS SS SS SS LI SR',
    'TW FW SS TW FW TW CL TW LA LI TW',
    'ES ES SS ES FW TW CL CW LA ES ES',
    'CL CL SS CL CL TW CL CL CL CL CL',
  ],
  [
    'SR ES ES SR SR SR SR SR SR SR SR',
    'CL FW SS TW FW TW CL CW LA LI TW',
    'ES ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI CL',
  ],
];

const SECURE: readonly Direction[] = [
  [
    'SR ES ES SR SR SR SR SR SR SR SA',
    'CL CW SS TW TW TW CL CW LA LI SA',
    'ES ES SS SR FW TW CL CW CL LI SA',
    'CL CL CL SR CL CL CL CL LA LI CL',
  ],
  [
    'SS ES SS SA SS SS SS SS SS LI SA',
    'TW FW SS TW FW TW CL TW LA LI TW',
    'ES ES SS ES FW TW CL CW LA ES ES',
    'CL CL SS CL CL TW CL CL CL CL CL',
  ],
  [
    'SA ES ES SR SA SA SA SA SA SA SA',
    'CL FW SS TW FW TW CL CW LA LI TW',
    'ES ES SS ES FW TW CL CW CL LI ES',
    'CL CL CL SR CL CL CL CL LA LI CL',
  ],
];

function compile(directions: readonly Direction[]): Uint8Array {
  const table = new Uint8Array(directions.length * TCP_DIRECTION);
  directions.forEach((rows, d) => {
    rows.forEach((row, event) => {
      row.split(' ').forEach((cell, state) => {
        table[d * TCP_DIRECTION + event * TCP_ROW + state] = ABBREVIATIONS.indexOf(cell);
      });
    });
  });
  return table;
}

/** Used while `secure_tcp` is not active. */
export const TCP_NORMAL_TABLE: Uint8Array = compile(NORMAL);
/** Used while `secure_tcp` is active. */
export const TCP_SECURE_TABLE: Uint8Array = compile(SECURE);

/** Bit n is set when a segment with nothing but ACK may move a connection out of state n. */
export const TCP_ACK_MOVES: number = [TCP_NORMAL_TABLE, TCP_SECURE_TABLE].reduce((mask, table) => {
  let moves = mask;
  for (let d = 0; d < table.length; d += TCP_DIRECTION) {
    for (let state = 0; state < TCP_STATES.length; state++)
      if (table[d + TCP_EV_ACK * TCP_ROW + state] !== state) moves |= 1 << state;
  }
  return moves;
}, 0);
