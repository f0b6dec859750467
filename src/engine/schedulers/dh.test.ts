/** Destination hashing: exact sequences, recorded from Linux 6.1. Connections go to five virtual addresses in turn. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('dh', () => {
  it('sends each virtual address to one dest, whatever the weights; to none when that has no weight or is overloaded', () => {
    assertPlays(`
      service dh mark
      add 1 1
      add 2 3
      add 3 2
      tcp 3 1 3 2 1 3 1 3 2 1
      edit 2 100
      tcp 3 1 3 2 1
      edit 2 0
      tcp 3 1 3 - 1
      edit 2 1
      del 1
      tcp 3 3 3 2 2
      add 4 1 1
      tcp 4 2 - 3 2 - 2 - 3 2
    `);
  });

  it('folds an IPv6 address', () => {
    assertPlays(`
      service dh mark 6
      add 1 1
      add 2 3
      add 3 2
      add 4 1
      tcp 3 1 4 1 4
    `);
  });
});
