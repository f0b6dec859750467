/** The state tables of SCTP (`ip_vs_proto_sctp.c`): [direction][event][state] -> state. */
import {
  SCTP_CID_ABORT,
  SCTP_CID_COOKIE_ACK,
  SCTP_CID_COOKIE_ECHO,
  SCTP_CID_ERROR,
  SCTP_CID_INIT,
  SCTP_CID_INIT_ACK,
  SCTP_CID_SHUTDOWN,
  SCTP_CID_SHUTDOWN_ACK,
  SCTP_CID_SHUTDOWN_COMPLETE,
} from '../wire/sctp.js';

/** States, in the kernel's numbering, by the names listings show. */
export const SCTP_STATES = [
  'NONE',
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'ESTABLISHED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
] as const;

export const SCTP_S_INIT1 = 1;
export const SCTP_S_INIT = 2;
export const SCTP_S_ESTABLISHED = 8;
export const SCTP_S_SHUTDOWN_SENT = 9;
export const SCTP_S_SHUTDOWN_RECEIVED = 10;
export const SCTP_S_SHUTDOWN_ACK_SENT = 11;
export const SCTP_S_CLOSED = 13;

/** Seconds in each state. */
export const SCTP_TIMEOUTS = [2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61, 2] as const;

/** States in a row of a table, padded to a power of two. */
export const SCTP_ROW = 16;
const EVENTS = 10;
/** Cells of one direction. */
export const SCTP_DIRECTION = EVENTS * SCTP_ROW;

/** Event of a chunk type: a row of the tables; what is not named is data. */
export const SCTP_EVENTS: Uint8Array = new Uint8Array(256);
export const SCTP_EV_ABORT = 9;
SCTP_EVENTS[SCTP_CID_INIT] = 1;
SCTP_EVENTS[SCTP_CID_INIT_ACK] = 2;
SCTP_EVENTS[SCTP_CID_COOKIE_ECHO] = 3;
SCTP_EVENTS[SCTP_CID_COOKIE_ACK] = 4;
SCTP_EVENTS[SCTP_CID_SHUTDOWN] = 5;
SCTP_EVENTS[SCTP_CID_SHUTDOWN_ACK] = 6;
SCTP_EVENTS[SCTP_CID_SHUTDOWN_COMPLETE] = 7;
SCTP_EVENTS[SCTP_CID_ERROR] = 8;
SCTP_EVENTS[SCTP_CID_ABORT] = SCTP_EV_ABORT;

const ABBREVIATIONS = ['NO', 'I1', 'IN', 'CS', 'CR', 'CW', 'CO', 'CE', 'ES', 'SS', 'SR', 'SA', 'RJ', 'CL'];

/** Rows: data, init, init_ack, cookie_echo, cookie_ack, shutdown, shutdown_ack, shutdown_complete, error, abort. */
const TABLES: readonly (readonly string[])[] = [
  [
    'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'I1 IN IN CS CR CW CO CE ES SS SR SA IN IN',
    'CW CW CW CS CR CO CO CE ES SS SR SA RJ CL',
    'CR IN IN CR CR CW CO CE ES SS SR SA RJ CL',
    'ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL',
    'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'CL IN IN CS CR CW CO CE ES CL SR CL RJ CL',
    'CL CL CL CS CR CW CO CE ES SS SR CL RJ CL',
    'CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL',
    'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  ],
  [
    'ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CW CW CW CW CW CW CW CW ES CW CW CW CW CW',
    'CS CS CS CS CR CW CO CE ES SS SR SA RJ CL',
    'CE CE CE CE CE CE CE CE ES SS SR SA RJ CL',
    'ES ES ES ES ES ES ES ES ES SS SR SA RJ CL',
    'SS SS SS SS SS SS SS SS SS SS SR SA RJ CL',
    'SA SA SA SA SA CW CO CE ES SA SA SA RJ CL',
    'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CL CL CL CL CL CW CO CE ES SS SR SA RJ CL',
    'CL RJ CL CL CL CL CL CL CL CL CL CL CL CL',
  ],
  [
    'ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL',
    'I1 IN IN IN IN IN CO CE ES SS SR SA IN IN',
    'CE CE CE CE CE CE CO CE ES SS SR SA RJ CL',
    'ES ES ES ES ES ES CO CE ES SS SR SA RJ CL',
    'ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL',
    'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
    'CL IN IN CS CR CW CO CE CL CL SR CL RJ CL',
    'CL CL CL CL CL CW CO CE ES SS CL CL RJ CL',
    'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
    'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
  ],
];

function compile(): Uint8Array {
  const table = new Uint8Array(TABLES.length * SCTP_DIRECTION);
  TABLES.forEach((rows, d) => {
    rows.forEach((row, event) => {
      row.split(' ').forEach((cell, state) => {
        table[d * SCTP_DIRECTION + event * SCTP_ROW + state] = ABBREVIATIONS.indexOf(cell);
      });
    });
  });
  return table;
}

/** Input, output and input-only. */
export const SCTP_TABLE: Uint8Array = compile();
