/** What `drop_entry` takes away (facts of `ip_vs_random_dropentry` and `todrop_entry`). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { NullHost } from '../../bench/support/null-host.js';
import { AF_INET, inet4 } from '../wire/inet.js';
import { CTPL_S_ASSURED, connNew, controlAdd } from './conn.js';
import { C_INPKTS, C_STATE, C_TIMEOUT, HOT_SHIFT } from './conn-table.js';
import { dropEntries } from './drop-entry.js';
import { CONN_F_TEMPLATE, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import { Net } from './net.js';
import { SCTP_STATES } from './sctp-states.js';
import { TCP_STATES } from './tcp-states.js';

const HOUR = 3600;
let net: Net;
let port = 0;
let draws: number;

beforeEach(() => {
  draws = 1;
  // a generator that visits every place in time
  const random = (): number => {
    draws = (Math.imul(draws, 1_664_525) + 1_013_904_223) >>> 0;
    return draws;
  };
  net = new Net({ host: new NullHost([]), random, connLimit: 4096 });
});

/** A connection, whose timer began `idle` seconds ago. */
function conn(protocol: number, state: number, { idle = 0, packets = 0, flags = 0 } = {}): number {
  const key = {
    family: AF_INET,
    protocol,
    caddr: inet4(1).words,
    cport: ++port & 0xffff,
    vaddr: inet4(2).words,
    vport: 80,
  } as const;
  const c = connNew(net.ipvs, key, AF_INET, inet4(3).words, 80, flags, null, 0);
  const { hot } = net.ipvs.conns;
  const h = c << HOT_SHIFT;
  hot[h + C_STATE] = state;
  hot[h + C_INPKTS] = packets;
  // its timer was set for three seconds: had it been for longer, it would have begun that much earlier
  hot[h + C_TIMEOUT] = (3 + idle) * net.hz;
  return c;
}

/** Looks so often that none is left out. */
function defend(): void {
  for (let i = 0; i < 2000; i++) dropEntries(net.ipvs);
}

const survives = (c: number): boolean => net.ipvs.conns.isUsed(c);

describe('drop_entry', () => {
  test('takes half-open connections, whatever their age, and keeps those that end', () => {
    for (const [protocol, states, gone] of [
      [IPPROTO_TCP, TCP_STATES, ['SYN_RECV', 'SYNACK']],
      [IPPROTO_SCTP, SCTP_STATES, ['INIT1', 'INIT']],
    ] as const) {
      const conns = new Map(states.map((name, state) => [name as string, conn(protocol, state)]));
      defend();
      assert.deepEqual(
        [...conns].filter(([, c]) => !survives(c)).map(([name]) => name),
        gone.toSorted((a, b) => [...conns.keys()].indexOf(a) - [...conns.keys()].indexOf(b)),
      );
    }
  });

  for (const [what, protocol, state] of [
    ['established TCP', IPPROTO_TCP, 1],
    ['established SCTP', IPPROTO_SCTP, 8],
    ['UDP', IPPROTO_UDP, 0],
  ] as const) {
    test(`takes ${what} that had few packets and none for a minute`, () => {
      const busy = conn(protocol, state, { idle: 59, packets: 1 });
      const silent = conn(protocol, state, { idle: HOUR, packets: 0 });
      const used = conn(protocol, state, { idle: HOUR, packets: 9 });
      const idle = [1, 2, 8].map((packets) => conn(protocol, state, { idle: 60, packets }));
      defend();
      assert.deepEqual([busy, silent, used].map(survives), [true, true, true]);
      assert.deepEqual(idle.map(survives), [false, false, false]);
    });
  }

  test('of those with i packets it takes one in i', () => {
    const { todropCounter } = net.ipvs;
    const conns = Array.from({ length: 800 }, () => conn(IPPROTO_UDP, 0, { idle: HOUR, packets: 8 }));
    // one round over everything looks at each about once: one in eight of the looks takes one
    for (let i = 0; i < 32; i++) dropEntries(net.ipvs);
    const gone = conns.filter((c) => !survives(c)).length;
    assert.ok(gone > 75 && gone <= 101, String(gone));
    assert.ok(todropCounter[8]! >= 0 && todropCounter[8]! <= 8);
  });

  test('looks at a thirty-second of the table each second', () => {
    const conns = Array.from({ length: 3200 }, () => conn(IPPROTO_TCP, 3));
    dropEntries(net.ipvs);
    const gone = conns.filter((c) => !survives(c)).length;
    assert.ok(gone > 80 && gone <= 101, String(gone));
  });

  test('takes templates that have not proved real, and with a connection its template', () => {
    const assured = conn(IPPROTO_TCP, CTPL_S_ASSURED, { flags: CONN_F_TEMPLATE });
    const lone = conn(IPPROTO_TCP, 0, { flags: CONN_F_TEMPLATE });
    const controlling = conn(IPPROTO_TCP, 0, { flags: CONN_F_TEMPLATE });
    const child = conn(IPPROTO_TCP, 1);
    controlAdd(net.ipvs, child, controlling);
    const other = conn(IPPROTO_TCP, 0, { flags: CONN_F_TEMPLATE });
    const halfOpen = conn(IPPROTO_TCP, 3);
    controlAdd(net.ipvs, halfOpen, other);
    defend();
    assert.deepEqual([assured, controlling, child].map(survives), [true, true, true]);
    assert.deepEqual([lone, halfOpen, other].map(survives), [false, false, false]);
    assert.equal(net.ipvs.conns.count, 3);
  });

  test('works each second while the sysctl says so', () => {
    for (let i = 0; i < 200; i++) conn(IPPROTO_TCP, 3);
    // none has come to its own end by then
    net.advance(1900);
    assert.equal(net.ipvs.conns.count, 200);
    net.ipvs.sysctls.set('drop_entry', '3');
    net.advance(2900);
    assert.ok(net.ipvs.conns.count < 200);
  });
});
