/** Load and its exact comparison. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { connOverhead, loadedMore, overloadedBeside } from './load.js';

describe('connOverhead', () => {
  it('is 256 for an active connection and 1 for an inactive one', () => {
    const dest = new SchedulerPlay('rr').add(1, 1);
    dest.activeconns = 3;
    dest.totalconns = 8;
    assert.equal(connOverhead(dest), 3 * 256 + 5);
  });

  it('never takes more active connections than there are in all for a negative number of inactive ones', () => {
    const dest = new SchedulerPlay('rr').add(1, 1);
    dest.activeconns = 1;
    assert.equal(connOverhead(dest), 256);
  });
});

describe('loadedMore', () => {
  const exact = (a: number, wa: number, b: number, wb: number): boolean =>
    BigInt(a) * BigInt(wb) > BigInt(b) * BigInt(wa);

  it('compares products exactly, also beyond 2^53', () => {
    const load = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 36 - 1 }),
      fc.integer({ min: 2 ** 36 - 50, max: 2 ** 36 - 1 }),
    );
    const weight = fc.oneof(fc.nat(), fc.integer({ min: 2 ** 31 - 50, max: 2 ** 31 - 1 }));
    fc.assert(
      fc.property(load, weight, load, weight, (a, wa, b, wb) => {
        assert.equal(loadedMore(a, wa, b, wb), exact(a, wa, b, wb));
      }),
      { numRuns: 2000 },
    );
  });

  it('finds equal products equal, also beyond 2^53', () => {
    assert.equal(loadedMore(2 ** 36 - 1, 2 ** 31 - 1, 2 ** 36 - 1, 2 ** 31 - 1), false);
  });

  it('tells products apart that are equal as doubles', () => {
    // 2147483647 * 34359738367 and 2147483646 * 34359738383 differ by less than a double shows
    const [a, wb, b, wa] = [34_359_738_383, 2_147_483_646, 34_359_738_367, 2_147_483_647];
    assert.equal(a * wb, b * wa);
    assert.equal(loadedMore(a, wa, b, wb), exact(a, wa, b, wb));
    assert.equal(loadedMore(b, wb, a, wa), exact(b, wb, a, wa));
    assert.notEqual(loadedMore(a, wa, b, wb), loadedMore(b, wb, a, wa));
  });
});

describe('overloadedBeside', () => {
  it('needs more active connections than the weight, and another dest below half its weight', () => {
    const play = new SchedulerPlay('rr');
    const dest = play.add(1, 4);
    const other = play.add(2, 4);
    const dests = play.svc.destinations;
    const cases = [
      [4, 0, false],
      [5, 1, true],
      [5, 2, false],
    ] as const;
    for (const [active, otherActive, expected] of cases) {
      dest.activeconns = active;
      other.activeconns = otherActive;
      assert.equal(overloadedBeside(dest, dests), expected, `${active} and ${otherActive}`);
    }
  });
});
