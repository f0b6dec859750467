/** Shortest expected delay: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('sed', () => {
  it('takes the dest that would have the fewest active connections for its weight with one more', () => {
    assertPlays(`
      service sed
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 2 5 4 5 2 5 5 4 2 1 5 2 5 4 5
      fin 0
      fin 3
      tcp 4 5 2
      edit 5 0
      tcp 4 2 1 2
      add 6 1
      tcp 6 6 4
      edit 2 9 2
      tcp 2 6 4 1
    `);
  });

  it('does not count inactive connections', () => {
    assertPlays(`
      service sed mark
      add 1 1
      add 2 3
      udp 2 2 2 2
      tcp 2
      udp 2 2 2
      tcp 2 2 1 2 2 2
    `);
  });
});
