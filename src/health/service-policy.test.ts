import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DestSpec } from '../control/command.js';
import { CheckState } from './check-state.js';
import { desiredDests, type FailurePolicy, type ServerHealth } from './service-policy.js';

const dest = (n: number, weight = 1): DestSpec => ({
  address: `10.0.0.${n}`,
  port: 80,
  forward: 'masq',
  weight,
  uThreshold: 0,
  lThreshold: 0,
});
const POLICY: FailurePolicy = { quorum: 1, hysteresis: 0, onFailure: 'quiesce', slowStart: 0 };
const weights = (policy: Partial<FailurePolicy>, servers: ServerHealth[], had = true, now = 0) =>
  desiredDests({ ...POLICY, ...policy }, servers, had, now).dests.map((d) => [
    Number(d.address.at(-1)),
    d.weight,
  ]);

describe('the state of a server', () => {
  it('is decided by its first answer, and from there on by so many in a row', () => {
    const state = new CheckState(true, { rise: 2, fall: 3 });
    assert.equal(state.report(false), true);
    assert.equal(state.up, false);
    assert.deepEqual(
      [true, false, true, true].map((good) => state.report(good)),
      [false, false, false, true],
    );
    assert.deepEqual(
      [false, false, true, false, false, false].map((good) => state.report(good)),
      [...[false, false, false, false, false, true]],
    );
    assert.equal(state.up, false);
  });

  it('never changes by fewer answers in a row than were asked for', () => {
    const answers = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
    const limit = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(answers, limit, limit, (goods, rise, fall) => {
        const state = new CheckState(true, { rise, fall });
        for (const [i, good] of goods.entries()) {
          const changed = state.report(good);
          if (!changed || i === 0) continue;
          const row = goods.slice(i - (good ? rise : fall) + 1, i + 1);
          assert.ok(row.every((g) => g === good));
          assert.equal(state.up, good);
        }
      }),
    );
  });
});

describe('a server that is down', () => {
  const servers = [
    { dest: dest(1, 3), up: true },
    { dest: dest(2, 5), up: false },
  ];
  it('keeps its place with weight 0', () => {
    assert.deepEqual(weights({}, servers), [
      [1, 3],
      [2, 0],
    ]);
  });
  it('goes, when that is wanted', () => {
    assert.deepEqual(weights({ onFailure: 'remove' }, servers), [[1, 3]]);
  });
});

describe('the quorum', () => {
  const sorryServer = dest(9);
  const up = (n: number) => [1, 2, 3, 4].map((i) => ({ dest: dest(i), up: i <= n }));
  const has = (n: number, had: boolean) =>
    desiredDests({ ...POLICY, quorum: 2, hysteresis: 1 }, up(n), had, 0).quorum;

  it('is lost and regained with hysteresis', () => {
    assert.deepEqual(
      [1, 2, 3].map((n) => has(n, true)),
      [true, true, true],
    );
    assert.equal(has(0, true), false);
    assert.deepEqual(
      [1, 2, 3].map((n) => has(n, false)),
      [false, false, true],
    );
  });
  it('lost, leaves everything to the sorry server', () => {
    assert.deepEqual(weights({ sorryServer, quorum: 2 }, up(1)), [
      ...[1, 2, 3, 4].map((n) => [n, 0]),
      [9, 1],
    ]);
    assert.deepEqual(weights({ sorryServer, quorum: 2, onFailure: 'remove' }, up(1)), [[9, 1]]);
  });
  it('lost without a sorry server, leaves it to those that are up', () => {
    assert.deepEqual(weights({ quorum: 3, onFailure: 'remove' }, up(1)), [[1, 1]]);
  });
});

describe('slow start', () => {
  const at = (now: number, percent?: number) =>
    desiredDests(
      { ...POLICY, slowStart: 10_000 },
      [{ dest: dest(1, 100), up: true, backSince: 1000, ...(percent !== undefined && { percent }) }],
      true,
      now,
    );
  it('lets a weight grow to its own, and says when to look again', () => {
    assert.deepEqual(
      [1000, 3500, 6000, 11_000].map((now) => at(now).dests[0]!.weight),
      [1, 25, 50, 100],
    );
    assert.equal(at(3500).growsAt, 4500);
    assert.equal(at(11_000).growsAt, undefined);
  });
  it('goes together with what an agent asks for', () => {
    assert.equal(at(6000, 50).dests[0]!.weight, 25);
    assert.equal(at(6000, 0).dests[0]!.weight, 0);
  });
});
