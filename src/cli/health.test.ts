import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Director } from '../control/command.js';
import { type HealthEntry, healthSpec } from '../control/health-fields.js';
import { health, healthLines } from './health.js';

const now = Date.parse('2026-01-02T00:00:00Z');
const dest = (n: number, weight: number) =>
  ({ address: `10.2.0.${n}`, port: 80, forward: 'masq', weight, uThreshold: 0, lThreshold: 0 }) as const;
const check = { type: 'http', port: 80, count: 9, failures: 1, changes: 1 } as const;

test('services and their servers have a line each', () => {
  const sorryServer = dest(9, 1);
  const entry: HealthEntry = {
    service: { protocol: 'tcp', address: '10.1.0.100', port: 80 },
    health: healthSpec.read({ checks: [{ type: 'http' }], quorum: 2, sorryServer }, ''),
    alive: false,
    servers: [
      {
        dest: dest(11, 10),
        weight: 5,
        up: true,
        since: '2026-01-01T23:59:18Z',
        checks: [{ ...check, up: true, took: 4.2 }],
      },
      {
        dest: dest(12, 10),
        up: false,
        since: '2026-01-01T23:00:00Z',
        checks: [
          { ...check, up: false, took: 1, reason: 'status 503' },
          { ...check, type: 'ping', up: true },
        ],
      },
    ],
  };
  assert.deepEqual(healthLines([entry], now), [
    'tcp:10.1.0.100:80  quorum 2 lost: 10.2.0.9:80 takes over',
    '  10.2.0.11:80  up    42 s    weight 5 of 10  http 4.2 ms',
    '  10.2.0.12:80  DOWN  60 min  weight removed  http down, status 503; ping not asked yet',
  ]);
});

test('without checks people are told so, and programs nothing', async () => {
  const nothing = { execute: () => Promise.resolve([]) } as unknown as Director;
  const printed: string[] = [];
  const print = (line: string) => printed.push(line);
  assert.equal(await health(nothing, {}, print), true);
  assert.equal(await health(nothing, { json: true }, print), true);
  assert.deepEqual(printed, ['No service has health checks.']);
});
