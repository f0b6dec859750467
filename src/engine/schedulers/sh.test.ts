/** Source hashing: exact sequences, recorded from Linux 6.1. Connections come from 24 clients in turn, each from a port of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { assertPlays } from '../../../test/support/scheduler-script.js';
import { SVC_F_SCHED2 } from '../flags.js';

describe('sh', () => {
  it('sends a client to one dest, by weights; to none when that has weight 0', () => {
    assertPlays(`
      service sh
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 4 - 2 - 2 - 2 2 2 2 1 2 1 2 1 5 2 5 5 1 5 1 5 5
    `);
  });

  it("goes by the client's port too with sh-port", () => {
    assertPlays(`
      service sh sh-port
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 5 5 5 5 5 5 5 4 4 4 4 2 2 - - 1 2 2 2 2 5 5 5
    `);
  });

  it('goes to another dest with sh-fallback', () => {
    assertPlays(`
      service sh sh-fallback
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 4 5 2 5 2 5 2 2 2 2 1 2 1 2 1 5 2 5 5 1 5 1 5 5
    `);
    assertPlays(`
      service sh sh-port sh-fallback
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 5 5 5 5 5 5 5 4 4 4 4 2 2 5 5 1 2 2 2 2 5 5 5
    `);
  });

  it('folds an IPv6 address', () => {
    assertPlays(`
      service sh sh-port sh-fallback 6
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 4 4 2 2 5 5 2 2 2 2 1 1 5 5 5 5 4 4 5 5 4 4 2 2
    `);
  });

  it('gives a dest without weight one bucket in its turn', () => {
    assertPlays(`
      service sh
      add 1 1
      add 2 2
      tcp 2 2 2 2 2 2 1 2 1 2 1 2
      edit 2 0
      tcp 1 1 1 - - - - 1 1 1 1 1
      edit 2 1
      tcp 2 1 1 1 1 1 2 2 2 2 1 1
      resched sh sh-fallback
      edit 1 0
      tcp 2 2 2 2 2 2 2 2 2 2 2 2
      edit 2 0
      tcp - - -
      del 2
      edit 1 1
      tcp 1 1 1
    `);
  });

  it('has 256 buckets, whatever the sum of the weights', () => {
    assertPlays(`
      service sh sh-port
      add 1 100
      add 2 3
      add 3 130
      tcp 1 1 3 3 1 1 3 3 1 1 3 3 3 1 3 3 3 1 2 3 3 1 1 3
      add 4 300
      tcp 4 4 4
    `);
  });

  it('goes by the destination of a header inside an ICMP error, of which no more than the ports need be there', () => {
    const play = new SchedulerPlay('sh', SVC_F_SCHED2);
    for (const rs of [1, 2, 3, 4]) play.add(rs, 1);
    const chosen = Array.from({ length: 16 }, (_, n) => {
      play.inverseHeader(n);
      return play.scheduler.schedule(play.svc, play.packet, play.iph, play.ctx)!.index;
    });
    assert.deepEqual(chosen, [2, 3, 3, 4, 4, 1, 1, 1, 2, 2, 3, 3, 4, 4, 1, 1]);
  });
});
