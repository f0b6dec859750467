/** Weighted overflow: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('ovf', () => {
  it('fills the dest of the highest weight to one connection more than its weight, then the next', () => {
    assertPlays(`
      service ovf
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      tcp 2 2 2 2 4 4 4 1 1 - -
      fin 0
      fin 1
      tcp 2 2 - -
      edit 4 3
      tcp 4 -
      edit 3 3 2
      tcp 3 3 - -
    `);
  });

  it('takes the first of equal weights', () => {
    assertPlays(`
      service ovf
      add 1 2
      add 2 2
      tcp 2 2 2 1 1 1 -
    `);
  });

  it('does not count inactive connections', () => {
    assertPlays(`
      service ovf mark
      add 1 1
      add 2 2
      udp 2 2 2 2 2
      tcp 2 2 2
      udp 1 1 1
      tcp 1 1 -
    `);
  });
});
