/** Weighted round robin: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('wrr', () => {
  it('gives a heavy dest its turns in a burst (3 and 1)', () => {
    assertPlays(`
      service rr
      add 2 1
      add 1 3
      resched wrr
      tcp 1 1 1 2 1 1 1 2 1
    `);
  });

  it('counts in steps of the greatest common divisor (4 and 2)', () => {
    assertPlays(`
      service rr
      add 2 2
      add 1 4
      resched wrr
      tcp 1 1 2 1 1 2 1
    `);
  });

  it('gives the heavy dest its turns first, also when it is behind in the list (1 and 3)', () => {
    assertPlays(`
      service rr
      add 2 3
      add 1 1
      resched wrr
      tcp 2 2 1 2 2 2 1 2 2
    `);
  });

  it('begins with the round of the first dest when dests are added one after the other', () => {
    assertPlays(`
      service wrr
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 4 2 1 5 5 5 2 5 4 2 5 4 2 1 5 5 5 2 5 4 2 5 4
    `);
  });

  it('begins at the head of the list after each change, and fails while all weights are 0', () => {
    assertPlays(`
      service wrr
      add 1 2
      add 2 4
      add 3 6
      tcp 3 2 1 3 3
      edit 3 1
      tcp 2 2 1 3
      add 4 3
      tcp 4 3 2 1 2 4
      edit 1 0
      tcp 4 2 4 2 4
      del 4
      tcp 3 2 2 2 2
      edit 2 0
      edit 3 0
      tcp - -
      edit 1 10
      edit 2 5
      tcp 2 1 1 2 1 1
    `);
  });

  it('passes over dests at their upper threshold and comes to an end when all are', () => {
    assertPlays(`
      service wrr
      add 1 1 2
      add 2 3 2
      add 3 2 2
      tcp 3 2 1 2 3 1 - - -
      edit 2 3
      tcp 2 2 2
      edit 1 4
      tcp 2 1 2 1 1 2 1 2
    `);
  });

  it('keeps to the round that was under way, as far as it still exists', () => {
    assertPlays(`
      service rr
      add 1 2
      add 2 4
      add 3 8 1
      resched wrr
      tcp 3 2
      add 4 6
      tcp 4 2 4 2 1 4
    `);
    assertPlays(`
      service rr
      add 1 3
      add 2 5
      resched wrr
      tcp 2 2
      edit 1 4
      edit 2 6
      tcp 2 2 1 2 1
    `);
    assertPlays(`
      service rr
      add 1 5
      add 2 1
      resched wrr
      tcp 1
      edit 1 2
      add 3 5
      tcp 3 1 3 2 1
    `);
  });

  it('comes to its end as soon when weights are far apart', () => {
    assertPlays(`
      service wrr
      add 1 1
      add 2 1000000 1
      add 3 7
      tcp 3 2 1 3 3 3 3 3 3 3 1 3
      edit 3 7 2
      tcp 3 1
      edit 1 0
      tcp - - -
    `);
    assertPlays(`
      service wrr
      add 1 1
      add 2 2147483647 1
      tcp 2 1 1
    `);
  });
});
