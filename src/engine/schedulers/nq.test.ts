/** Never queue: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('nq', () => {
  it('takes an idle dest when there is one, however light, and else does as sed', () => {
    assertPlays(`
      service nq
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 4 2 1 5 5 2 5 5 4 2 5 2 5 4 5
      fin 0
      fin 3
      tcp 1 5 2
      edit 5 0
      tcp 4 2 1 2
      add 6 1
      tcp 6 6 4
      edit 2 9 2
      tcp 2 6 4 1
    `);
  });

  it('takes a dest with inactive connections alone for idle', () => {
    assertPlays(`
      service nq mark
      add 1 1
      add 2 3
      udp 2 2 2 2
      tcp 2
      udp 1 1 1
      tcp 1 2 2 2 2 2
    `);
  });
});
