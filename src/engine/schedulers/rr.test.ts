/** Round robin: exact sequences, recorded from Linux 6.1. A script adds the last dest of the list first. */
import { describe, it } from 'node:test';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('rr', () => {
  it('takes the dests in turn, the newest first, whatever their weights above 0', () => {
    assertPlays(`
      service rr
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 4 2 1 5 4 2 1 5 4 2 1
    `);
    assertPlays(`
      service rr mark 6
      add 1 1
      add 2 0
      add 3 9
      tcp 3 1 3
      udp 1 3
    `);
  });

  it('goes on from where it was when dests come and go, the one at its place included', () => {
    assertPlays(`
      service rr
      add 1 1
      add 2 1
      add 3 1
      add 4 1
      tcp 4 3
      del 3
      tcp 2
      del 1
      tcp 4 2 4
      add 3 1
      tcp 2 3 4 2
      del 4
      tcp 3 2
      edit 2 0
      edit 3 0
      tcp - -
      edit 2 7
      tcp 2 2
      edit 3 7
      tcp 3 2 3
    `);
  });

  it('passes over a dest at its upper threshold, and fails when all are', () => {
    assertPlays(`
      service rr
      add 1 1 2
      add 2 1 3
      add 3 1 1
      tcp 3 2 1 2 1 2 - -
      edit 2 1
      tcp 2 2
    `);
  });
});
