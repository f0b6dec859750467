/** Maglev hashing: exact sequences, recorded from Linux 6.1. Connections come from 24 clients in turn, each from a port of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { assertPlays } from '../../../test/support/scheduler-script.js';
import { SVC_F_SCHED2 } from '../flags.js';

describe('mh', () => {
  it('sends a client to one dest, by weights', () => {
    assertPlays(`
      service mh
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 4 5 4 2 2 5 4 4 5 5 5 2 5 5 4 5 1 2 2 4 4 5 2 4
    `);
  });

  it("goes by the client's port too with mh-port, over IPv6 as well", () => {
    assertPlays(`
      service mh mh-port
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 2 5 4 1 1 2 1 5 5 4 2 2 5 5 1 5 4 2 5 5 2 2 5 2
    `);
    assertPlays(`
      service mh mh-port 6
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 4 4 5 5 5 5 5 5 1 1 1 1 5 5 5 5 1 1 5 5 5 5 5 5
    `);
  });

  it('keeps its table when a dest loses its weight, and moves few other clients when a dest goes', () => {
    assertPlays(`
      service mh
      add 1 1
      add 2 3
      add 4 2
      tcp 4 4 4 2 2 4 4 4 4 2 2 2 2 4 4 4 1 2 2 4 4 4 2 4
      edit 2 0
      tcp 4 4 4 - - 4 4 4 4 - - - - 4 4 4 1 - - 4 4 4 - 4
      resched mh mh-fallback
      tcp 4 4 4 1 4 4 4 4 4 4 4 1 4 4 4 4 1 1 1 4 4 4 1 4
      edit 2 3
      tcp 4 4 4 2 2 4 4 4 4 2 2 2 2 4 4 4 1 2 2 4 4 4 2 4
      del 4
      tcp 2 2 2 2 2 1 2 2 2 2 2 2 2 2 2 1 1 2 2 2 2 1 2 2
    `);
  });

  it('scales weights that are far apart', () => {
    assertPlays(`
      service mh mh-port
      add 1 65535
      add 2 1000
      add 3 1
      tcp 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
      edit 1 100
      tcp 2 2 2 2 2 2 2 2 2 2 2 1 2 2 2 2 1 2 2 2 2 2 2 1 2 2 2 2 1 2
    `);
  });

  it('goes by the destination of a header inside an ICMP error, of which no more than the ports need be there', () => {
    const play = new SchedulerPlay('mh', SVC_F_SCHED2);
    for (const rs of [1, 2, 3, 4]) play.add(rs, 1);
    const chosen = Array.from({ length: 16 }, (_, n) => {
      play.inverseHeader(n);
      return play.scheduler.schedule(play.svc, play.packet, play.iph, play.ctx)!.index;
    });
    assert.deepEqual(chosen, [3, 3, 4, 1, 1, 2, 1, 3, 2, 4, 2, 1, 3, 3, 1, 1]);
  });
});
