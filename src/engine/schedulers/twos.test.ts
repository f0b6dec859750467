/** Power of two choices, with the draws given. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { DEST_F_OVERLOAD } from '../flags.js';

/** A play whose draws are the given ones; `ranges` collects the ranges that they were asked for. */
function playWith(draws: number[]): { play: SchedulerPlay; ranges: number[] } {
  const play = new SchedulerPlay('twos');
  const ranges: number[] = [];
  play.ctx.random = (n) => {
    ranges.push(n);
    return draws.shift()!;
  };
  return { play, ranges };
}

/** Connections as given, without their being made. */
function load(play: SchedulerPlay, rs: number, active: number, total = active): void {
  const dest = play.dest(rs);
  dest.activeconns = active;
  dest.totalconns = total;
}

describe('twos', () => {
  it('draws twice from 0 to the sum of the usable weights, both included', () => {
    const { play, ranges } = playWith([0, 0]);
    play.add(1, 3);
    play.add(2, 0);
    play.add(3, 4);
    play.add(4, 7).flags |= DEST_F_OVERLOAD;
    play.connect();
    assert.deepEqual(ranges, [8, 8]);
  });

  it('finds the dest of a draw by its weight, the first in the list for one number more than its weight', () => {
    // in list order: 3 of weight 2, 2 of weight 1, 1 of weight 3
    const chosen = [0, 1, 2, 3, 4, 5, 6].map((draw) => {
      const { play } = playWith([draw, draw]);
      play.add(1, 3);
      play.add(2, 1);
      play.add(3, 2);
      return play.connect()!.index;
    });
    assert.deepEqual(chosen, [3, 3, 3, 2, 1, 1, 1]);
  });

  it('takes the second draw when it is less loaded for its weight, and the first one when they are equal', () => {
    for (const [firstActive, secondActive, chosen] of [
      [1, 3, 1],
      [2, 4, 1],
      [3, 4, 2],
    ] as const) {
      const { play } = playWith([3, 1]);
      play.add(1, 1);
      play.add(2, 2);
      load(play, 1, firstActive);
      load(play, 2, secondActive);
      assert.equal(play.connect()!.index, chosen, `${firstActive} and ${secondActive} connections`);
    }
  });

  it('counts an active connection as 256 inactive ones', () => {
    const { play } = playWith([2, 0, 2, 0]);
    play.add(1, 1);
    play.add(2, 1);
    load(play, 1, 1);
    load(play, 2, 0, 256);
    assert.equal(play.connect()!.index, 1);
    load(play, 1, 1);
    load(play, 2, 0, 255);
    assert.equal(play.connect()!.index, 2);
  });

  it('multiplies in 32 bits, as the kernel does', () => {
    // the first draw is loaded, the second one idle; but 2^24 * 256 overflows to 0, which is not more than 0
    const { play } = playWith([2 ** 24 + 1, 0]);
    play.add(1, 1);
    play.add(2, 2 ** 24);
    load(play, 1, 1);
    assert.equal(play.connect()!.index, 1);
  });
});
