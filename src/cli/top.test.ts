import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_STATS } from '../../test/support/no-stats.js';
import type { ServicePageEntry } from '../control/command.js';
import { startWithoutPackets } from '../daemon/no-datapath.js';
import { drawTop, type Terminal, type TopLayout, takeView, topLines } from './top.js';

function service(port: number, cps: number, inbps: number, active: number): ServicePageEntry {
  const stats = { ...NO_STATS, cps, inbps, inpps: cps * 10 };
  const dests = [11, 12].map((n) => ({
    address: `10.2.0.${n}`,
    port,
    forward: 'masq' as const,
    weight: n,
    uThreshold: 0,
    lThreshold: 0,
    tunType: 'ipip' as const,
    tunPort: 0,
    tunCsum: 'nocsum' as const,
    activeConns: n === 11 ? active : 0,
    inactConns: 1,
    persistConns: 0,
    stats: { ...stats, cps: n === 12 ? cps : 0 },
  }));
  const key = { protocol: 'tcp' as const, address: '10.1.0.100', port };
  return {
    service: {
      ...key,
      scheduler: 'rr',
      flags: [],
      timeout: 0,
      netmask: '255.255.255.255',
      stats,
      numDests: 2,
    },
    dests,
  };
}

const view = {
  stats: { ...NO_STATS, cps: 12, inpps: 34_000, inbps: 5 << 20 },
  counters: { connections: 7, connLimit: 100 },
  services: [service(80, 1, 5_000_000, 3), service(443, 9, 10, 0), service(53, 5, 999, 40)],
};
const layout: TopLayout = { sort: 'cps', servers: false, scroll: 0 };
const order = (more: Partial<TopLayout>) =>
  topLines(view, { ...layout, ...more })
    .slice(4)
    .map((line) => line.trim().split(' ')[0]);

describe('a screen of top', () => {
  test('sorts services by what is asked for', () => {
    assert.deepEqual(order({ sort: 'cps' }), [
      'tcp:10.1.0.100:443',
      'tcp:10.1.0.100:53',
      'tcp:10.1.0.100:80',
    ]);
    assert.deepEqual(order({ sort: 'bps' }), [
      'tcp:10.1.0.100:80',
      'tcp:10.1.0.100:53',
      'tcp:10.1.0.100:443',
    ]);
    assert.deepEqual(order({ sort: 'conns' }), [
      'tcp:10.1.0.100:53',
      'tcp:10.1.0.100:80',
      'tcp:10.1.0.100:443',
    ]);
    assert.deepEqual(order({ sort: 'name' }), [
      'tcp:10.1.0.100:443',
      'tcp:10.1.0.100:53',
      'tcp:10.1.0.100:80',
    ]);
  });

  test('shows servers below their service, sorted as well', () => {
    assert.deepEqual(order({ servers: true }).slice(0, 3), [
      'tcp:10.1.0.100:443',
      '10.2.0.12:443',
      '10.2.0.11:443',
    ]);
  });

  test('begins further down, and ends with the terminal', () => {
    assert.deepEqual(order({ scroll: 2 }), ['tcp:10.1.0.100:80']);
    const lines = topLines(view, { ...layout, rows: 5, columns: 40 });
    assert.deepEqual([lines.length, Math.max(...lines.map((line) => line.length))], [5, 40]);
  });

  test('sums up, with units', () => {
    const [first, second] = topLines(view, layout);
    assert.equal(first, '3 services, 6 servers; connections 7 of 100, 43 active');
    assert.equal(second, '12 connections/s, 34k/0 packets/s in/out, 5120kB/0B a second in/out');
  });
});

test('top draws until q, follows keys, and leaves the terminal as it was', async () => {
  const director = startWithoutPackets({});
  let out = '';
  let press: (key: string) => void = () => {};
  const terminal: Terminal = {
    rows: 10,
    columns: 200,
    write: (text) => {
      out += text;
      if (text.includes('sort: cps')) setImmediate(press, 'b');
      if (text.includes('sort: bps')) setImmediate(press, 'q');
    },
    onKey: (pressed) => {
      press = pressed;
    },
  };
  await drawTop(director, terminal, layout, 60, new AbortController().signal);
  assert.ok(out.startsWith('\x1b[?1049h'));
  assert.ok(out.endsWith('\x1b[?1049l'));
  assert.equal((await takeView(director)).services.length, 0);
  await director.stop();
});
