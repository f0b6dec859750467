/** The set of dests that lblcr keeps for an address. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import type { Dest } from '../dest.js';
import { DestSet } from './dest-set.js';

/** A set of new dests with these weights and numbers of active connections. */
function setOf(...members: [weight: number, active: number][]): { set: DestSet; dests: Dest[] } {
  const play = new SchedulerPlay('rr');
  const set = new DestSet();
  const dests = members.map(([weight, active], i) => {
    const dest = play.add(i + 1, weight);
    dest.activeconns = active;
    dest.totalconns = active;
    set.insert(dest, 0);
    return dest;
  });
  return { set, dests };
}

describe('DestSet', () => {
  it('takes a dest once, and is changed by that alone', () => {
    const { set, dests } = setOf([1, 0]);
    set.insert(dests[0]!, 100);
    assert.deepEqual([set.size, set.lastmod, dests[0]!.refcnt], [1, 0, 1]);
  });

  it('gives the member with the least load for its weight, the newest of equals', () => {
    const { set, dests } = setOf([1, 1], [2, 1], [4, 2]);
    assert.equal(set.least(), dests[2]);
  });

  it('erases the member with the most load for its weight, of those that have one', () => {
    const { set, dests } = setOf([3, 2], [1, 1], [0, 9]);
    set.eraseMost(100);
    assert.deepEqual([set.size, set.lastmod], [2, 100]);
    assert.deepEqual(
      dests.map((dest) => dest.refcnt),
      [1, 0, 1],
    );
  });

  it('erases nothing when no member has a weight', () => {
    const { set } = setOf([0, 1], [0, 2]);
    set.eraseMost(100);
    assert.deepEqual([set.size, set.lastmod], [2, 0]);
  });
});
