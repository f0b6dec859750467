/** Least connection: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('lc', () => {
  it('takes the dest with the least load, whatever its weight above 0', () => {
    assertPlays(`
      service lc
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      tcp 4 2 1 4 2 1 4
      fin 1
      fin 4
      tcp 2 2 1
      edit 4 0
      tcp 2 1 2 1
      add 5 1
      tcp 5 5 5 5 5
    `);
  });

  it('counts an active connection as more than some inactive ones', () => {
    assertPlays(`
      service lc mark
      add 1 1
      add 2 1
      tcp 2
      udp 1 1 1 1
      tcp 1 2 1
    `);
  });
});
