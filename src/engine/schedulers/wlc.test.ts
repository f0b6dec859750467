/** Weighted least connection: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('wlc', () => {
  it('takes the dest with the least load for its weight, the first of equals', () => {
    assertPlays(`
      service wlc
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 4 2 1 5 2 5 4 5 2 5 5 4 2 1 5 2 5 4 5 2 5
      fin 0
      fin 4
      fin 6
      tcp 5 5 5 4
      edit 5 1
      tcp 2 1 2 4 2
      del 2
      tcp 4 1 4
      edit 3 9
      tcp 3 3 3 3 3
    `);
  });

  it('counts an active connection as exactly 256 inactive ones', () => {
    assertPlays(`
      service wlc mark
      add 1 1
      add 2 256
      tcp 2
      udp 1
      tcp 2 1 2 2
    `);
  });

  it('compares the largest weights exactly', () => {
    assertPlays(`
      service wlc
      add 1 2147483647
      add 2 2147483646
      add 3 1073741823
      tcp 3 2 1 1 2 1 3 2 1 2 1 3
    `);
  });
});
