/** The 264 cells, written out a second time from the kernel's tables (ip_vs_proto_tcp.c, Linux 6.12), each row as it is read there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TCP_DIRECTION, TCP_NORMAL_TABLE, TCP_ROW, TCP_SECURE_TABLE, TCP_STATES } from './tcp-states.js';

const SHORT: Readonly<Record<string, string>> = {
  NO: 'NONE',
  ES: 'ESTABLISHED',
  SS: 'SYN_SENT',
  SR: 'SYN_RECV',
  FW: 'FIN_WAIT',
  TW: 'TIME_WAIT',
  CL: 'CLOSE',
  CW: 'CLOSE_WAIT',
  LA: 'LAST_ACK',
  LI: 'LISTEN',
  SA: 'SYNACK',
};
const COLUMNS = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

/** Per direction and event: what each state becomes, by state; states not named stay. */
type Changes = Readonly<Record<string, string>>;
const EXPECTED: readonly { table: string; direction: number; event: number; changes: Changes }[] = [
  {
    table: 'normal',
    direction: 0,
    event: 0,
    changes: { NO: 'SR', SS: 'ES', FW: 'SR', TW: 'SR', CL: 'SR', CW: 'SR', LA: 'SR', LI: 'SR', SA: 'SR' },
  },
  { table: 'normal', direction: 0, event: 1, changes: { NO: 'CL', ES: 'CW', SR: 'TW', FW: 'TW', SA: 'TW' } },
  { table: 'normal', direction: 0, event: 2, changes: { NO: 'ES', SR: 'ES', LA: 'CL', SA: 'ES' } },
  {
    table: 'normal',
    direction: 0,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SS: 'CL', FW: 'CL', TW: 'CL', CW: 'CL', SA: 'SR' },
  },
  {
    table: 'normal',
    direction: 1,
    event: 0,
    changes: { NO: 'SS', FW: 'SS', TW: 'SS', CL: 'SS', CW: 'SS', LA: 'SS', SA: 'SR' },
  },
  { table: 'normal', direction: 1, event: 1, changes: { NO: 'TW', ES: 'FW', SR: 'TW', CW: 'TW', SA: 'TW' } },
  { table: 'normal', direction: 1, event: 2, changes: { NO: 'ES', SR: 'ES', LI: 'ES', SA: 'ES' } },
  {
    table: 'normal',
    direction: 1,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SR: 'CL', FW: 'CL', CW: 'CL', LA: 'CL', LI: 'CL', SA: 'CL' },
  },
  {
    table: 'normal',
    direction: 2,
    event: 0,
    changes: { NO: 'SR', SS: 'ES', FW: 'SR', TW: 'SR', CL: 'SR', CW: 'SR', LA: 'SR', LI: 'SR', SA: 'SR' },
  },
  { table: 'normal', direction: 2, event: 1, changes: { NO: 'CL', ES: 'FW', SR: 'TW', SA: 'TW' } },
  { table: 'normal', direction: 2, event: 2, changes: { NO: 'ES', SR: 'ES', LA: 'CL', SA: 'ES' } },
  {
    table: 'normal',
    direction: 2,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SS: 'CL', FW: 'CL', TW: 'CL', CW: 'CL', SA: 'CL' },
  },
  {
    table: 'secure',
    direction: 0,
    event: 0,
    changes: { NO: 'SR', SS: 'ES', FW: 'SR', TW: 'SR', CL: 'SR', CW: 'SR', LA: 'SR', LI: 'SR' },
  },
  { table: 'secure', direction: 0, event: 1, changes: { NO: 'CL', ES: 'CW', SR: 'TW', FW: 'TW' } },
  { table: 'secure', direction: 0, event: 2, changes: { NO: 'ES', LA: 'CL' } },
  {
    table: 'secure',
    direction: 0,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SS: 'CL', FW: 'CL', TW: 'CL', CW: 'CL', SA: 'CL' },
  },
  {
    table: 'secure',
    direction: 1,
    event: 0,
    changes: { NO: 'SS', SR: 'SA', FW: 'SS', TW: 'SS', CL: 'SS', CW: 'SS', LA: 'SS' },
  },
  { table: 'secure', direction: 1, event: 1, changes: { NO: 'TW', ES: 'FW', SR: 'TW', CW: 'TW', SA: 'TW' } },
  { table: 'secure', direction: 1, event: 2, changes: { NO: 'ES', SR: 'ES', LI: 'ES', SA: 'ES' } },
  {
    table: 'secure',
    direction: 1,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SR: 'CL', FW: 'CL', CW: 'CL', LA: 'CL', LI: 'CL', SA: 'CL' },
  },
  {
    table: 'secure',
    direction: 2,
    event: 0,
    changes: { NO: 'SA', SS: 'ES', FW: 'SA', TW: 'SA', CL: 'SA', CW: 'SA', LA: 'SA', LI: 'SA' },
  },
  { table: 'secure', direction: 2, event: 1, changes: { NO: 'CL', ES: 'FW', SR: 'TW', SA: 'TW' } },
  { table: 'secure', direction: 2, event: 2, changes: { NO: 'ES', SR: 'ES', LA: 'CL', SA: 'ES' } },
  {
    table: 'secure',
    direction: 2,
    event: 3,
    changes: { NO: 'CL', ES: 'CL', SS: 'CL', FW: 'CL', TW: 'CL', CW: 'CL', SA: 'CL' },
  },
];

const DIRECTIONS = ['input', 'output', 'input-only'];
const EVENTS = ['syn', 'fin', 'ack', 'rst'];

for (const { table, direction, event, changes } of EXPECTED) {
  test(`${table} table, ${DIRECTIONS[direction]}, ${EVENTS[event]}`, () => {
    const cells = table === 'normal' ? TCP_NORMAL_TABLE : TCP_SECURE_TABLE;
    COLUMNS.forEach((column, state) => {
      const next = cells[direction * TCP_DIRECTION + event * TCP_ROW + state]!;
      assert.equal(TCP_STATES[next], SHORT[changes[column] ?? column], column);
    });
  });
}
