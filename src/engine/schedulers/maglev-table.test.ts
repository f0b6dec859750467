/** Properties of the Maglev table that hold whatever the dests are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { AF_INET, inet4 } from '../../wire/inet.js';
import { Dest } from '../dest.js';
import { fillMaglev, MH_TAB_SIZE } from './maglev-table.js';
import { mh } from './mh.js';

const { svc } = new SchedulerPlay('rr');

function dest(index: number, lastWeight: number): Dest {
  const made = new Dest(index, svc, inet4(0x0a02_0000 + index), 80);
  made.lastWeight = lastWeight;
  made.weight = lastWeight;
  return made;
}

function tableOf(dests: Dest[]): (Dest | null)[] {
  const table = new Array<Dest | null>(MH_TAB_SIZE).fill(null);
  fillMaglev(table, dests, AF_INET);
  return table;
}

/** Buckets by dest, in the order of `dests`. */
function shares(dests: Dest[]): number[] {
  const table = tableOf(dests);
  return dests.map((d) => table.filter((x) => x === d).length);
}

describe('fillMaglev', () => {
  it('leaves no bucket empty and shares them by weight', () => {
    const counts = shares([dest(1, 1), dest(2, 2), dest(3, 5)]);
    assert.equal(counts[0]! + counts[1]! + counts[2]!, MH_TAB_SIZE);
    // turn by turn: 4093 = 511 * 8 + 5 more, of which 1 and 2 go to the first two
    assert.deepEqual(counts, [512, 1024, 2557]);
  });

  it('goes by the proportion of the weights alone', () => {
    assert.deepEqual(shares([dest(1, 20), dest(2, 40)]), shares([dest(1, 1), dest(2, 2)]));
  });

  it('goes by the last weight, so that a dest on its way out keeps its buckets', () => {
    const dests = [dest(1, 3), dest(2, 3)];
    const before = tableOf(dests);
    dests[0]!.weight = 0;
    assert.deepEqual(tableOf(dests), before);
  });

  it('gives nothing to a dest that never had a weight, and is empty when none ever had', () => {
    assert.deepEqual(shares([dest(1, 0), dest(2, 7)]), [0, MH_TAB_SIZE]);
    assert.ok(tableOf([dest(1, 0)]).every((d) => d === null));
    assert.ok(tableOf([]).every((d) => d === null));
  });

  it('gives a dest at least one bucket a round, however small its weight beside the others', () => {
    // 65535 is scaled to 63 turns; 1 would be none
    const counts = shares([dest(1, 65_535), dest(2, 1)]);
    assert.deepEqual(counts, [4030, 63]);
  });

  it('moves few clients of other dests when one goes', () => {
    const dests = Array.from({ length: 10 }, (_, i) => dest(i + 1, 1));
    const before = tableOf(dests);
    const after = tableOf(dests.slice(0, 9));
    const gone = dests[9]!;
    const moved = before.filter((d, i) => d !== gone && d !== after[i]).length;
    assert.ok(moved < MH_TAB_SIZE / 10, `${moved} buckets moved`);
  });

  it('is the same for the same dests in the same order', () => {
    const make = (): Dest[] => [dest(1, 1), dest(2, 4), dest(3, 2)];
    assert.deepEqual(
      tableOf(make()).map((d) => d!.index),
      tableOf(make()).map((d) => d!.index),
    );
  });
});

describe('mh with more dests than its table has buckets', () => {
  it('refuses a service that has them already', () => {
    const play = new SchedulerPlay('rr');
    for (let i = 0; i <= MH_TAB_SIZE; i++) play.svc.destinations.push(dest(i, 1));
    assert.throws(() => play.use(mh, 0), { code: 'INVALID', field: 'scheduler' });
  });

  it('keeps its table, without the dests that were removed', () => {
    const play = new SchedulerPlay('mh');
    const only = play.add(1, 1);
    for (let i = 0; i <= MH_TAB_SIZE; i++) play.svc.destinations.unshift(dest(i + 10, 1));
    play.edit(1, 1);
    assert.equal(play.connect(), only);
    play.del(1);
    assert.equal(play.connect(), null);
  });
});
