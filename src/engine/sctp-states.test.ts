/** The 420 cells, written out a second time from the kernel's tables (ip_vs_proto_sctp.c, Linux 6.12): for each row, what changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCTP_DIRECTION, SCTP_EVENTS, SCTP_ROW, SCTP_STATES, SCTP_TABLE } from './sctp-states.js';

const STATES = ['NO', 'I1', 'IN', 'CS', 'CR', 'CW', 'CO', 'CE', 'ES', 'SS', 'SR', 'SA', 'RJ', 'CL'];
const DIRECTIONS = ['input', 'output', 'input-only'];
const EVENTS = [
  'data',
  'init',
  'init_ack',
  'cookie_echo',
  'cookie_ack',
  'shutdown',
  'shutdown_ack',
  'shutdown_complete',
  'error',
  'abort',
];

/** Direction, event, and what each state becomes; states not named stay. */
const ROWS: readonly (readonly [number, number, Readonly<Record<string, string>>])[] = [
  [0, 0, { NO: 'ES' }],
  [0, 1, { NO: 'I1', I1: 'IN', RJ: 'IN', CL: 'IN' }],
  [0, 2, { NO: 'CW', I1: 'CW', IN: 'CW', CW: 'CO' }],
  [0, 3, { NO: 'CR', I1: 'IN', CS: 'CR' }],
  [0, 4, { NO: 'ES', CE: 'ES' }],
  [0, 5, { NO: 'SR', ES: 'SR' }],
  [0, 6, { NO: 'CL', I1: 'IN', SS: 'CL', SA: 'CL' }],
  [0, 7, { NO: 'CL', I1: 'CL', IN: 'CL', SA: 'CL' }],
  [0, 8, { NO: 'CL', CE: 'CL' }],
  [
    0,
    9,
    {
      NO: 'CL',
      I1: 'CL',
      IN: 'CL',
      CS: 'CL',
      CR: 'CL',
      CW: 'RJ',
      CO: 'CL',
      CE: 'CL',
      ES: 'CL',
      SS: 'CL',
      SR: 'CL',
      SA: 'CL',
      RJ: 'CL',
    },
  ],
  [1, 0, { NO: 'ES' }],
  [
    1,
    1,
    {
      NO: 'CW',
      I1: 'CW',
      IN: 'CW',
      CS: 'CW',
      CR: 'CW',
      CO: 'CW',
      CE: 'CW',
      SS: 'CW',
      SR: 'CW',
      SA: 'CW',
      RJ: 'CW',
      CL: 'CW',
    },
  ],
  [1, 2, { NO: 'CS', I1: 'CS', IN: 'CS' }],
  [1, 3, { NO: 'CE', I1: 'CE', IN: 'CE', CS: 'CE', CR: 'CE', CW: 'CE', CO: 'CE' }],
  [1, 4, { NO: 'ES', I1: 'ES', IN: 'ES', CS: 'ES', CR: 'ES', CW: 'ES', CO: 'ES', CE: 'ES' }],
  [1, 5, { NO: 'SS', I1: 'SS', IN: 'SS', CS: 'SS', CR: 'SS', CW: 'SS', CO: 'SS', CE: 'SS', ES: 'SS' }],
  [1, 6, { NO: 'SA', I1: 'SA', IN: 'SA', CS: 'SA', CR: 'SA', SS: 'SA', SR: 'SA' }],
  [1, 7, { NO: 'CL' }],
  [1, 8, { NO: 'CL', I1: 'CL', IN: 'CL', CS: 'CL', CR: 'CL' }],
  [
    1,
    9,
    {
      NO: 'CL',
      I1: 'RJ',
      IN: 'CL',
      CS: 'CL',
      CR: 'CL',
      CW: 'CL',
      CO: 'CL',
      CE: 'CL',
      ES: 'CL',
      SS: 'CL',
      SR: 'CL',
      SA: 'CL',
      RJ: 'CL',
    },
  ],
  [2, 0, { NO: 'ES', CW: 'ES' }],
  [2, 1, { NO: 'I1', I1: 'IN', CS: 'IN', CR: 'IN', CW: 'IN', RJ: 'IN', CL: 'IN' }],
  [2, 2, { NO: 'CE', I1: 'CE', IN: 'CE', CS: 'CE', CR: 'CE', CW: 'CE' }],
  [2, 3, { NO: 'ES', I1: 'ES', IN: 'ES', CS: 'ES', CR: 'ES', CW: 'ES' }],
  [2, 4, { NO: 'ES', CS: 'ES', CR: 'ES', CO: 'ES', CE: 'ES' }],
  [2, 5, { NO: 'SR', ES: 'SR' }],
  [2, 6, { NO: 'CL', I1: 'IN', ES: 'CL', SS: 'CL', SA: 'CL' }],
  [2, 7, { NO: 'CL', I1: 'CL', IN: 'CL', CS: 'CL', CR: 'CL', SR: 'CL', SA: 'CL' }],
  [2, 8, { NO: 'CL' }],
  [
    2,
    9,
    {
      NO: 'CL',
      I1: 'CL',
      IN: 'CL',
      CS: 'CL',
      CR: 'CL',
      CW: 'RJ',
      CO: 'CL',
      CE: 'CL',
      ES: 'CL',
      SS: 'CL',
      SR: 'CL',
      SA: 'CL',
      RJ: 'CL',
    },
  ],
];

for (const [direction, event, changes] of ROWS) {
  test(`${DIRECTIONS[direction]}, ${EVENTS[event]}`, () => {
    STATES.forEach((name, state) => {
      const next = SCTP_TABLE[direction * SCTP_DIRECTION + event * SCTP_ROW + state]!;
      assert.equal(STATES[next], changes[name] ?? name, name);
    });
  });
}

test('chunk types are the events of RFC 9260 3.2; what is not among them counts as data', () => {
  const types = [0, 1, 2, 10, 11, 7, 8, 14, 9, 6];
  types.forEach((type, event) => {
    assert.equal(SCTP_EVENTS[type], event, EVENTS[event]);
  });
  for (const type of [3, 4, 5, 12, 13, 15, 63, 128, 255]) assert.equal(SCTP_EVENTS[type], 0, `type ${type}`);
});

test('states have the names of listings', () => {
  assert.deepEqual(
    [...SCTP_STATES],
    [
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
    ],
  );
});
