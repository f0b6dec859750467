/** Weighted fail-over: exact sequences, recorded from Linux 6.1. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('fo', () => {
  it('takes the dest of the highest weight until it is overloaded, gone or without weight', () => {
    assertPlays(`
      service fo
      add 1 5 3
      add 2 3
      add 3 0
      add 4 5 2
      tcp 4 4 1 1 1 2 2
      edit 2 9
      tcp 2 2
      del 2
      tcp - -
      edit 4 4
      edit 1 4
      tcp 4 4
      edit 4 0
      edit 1 0
      tcp -
      edit 3 1
      tcp 3 3
    `);
  });
});
