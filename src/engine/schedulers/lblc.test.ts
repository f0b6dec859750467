/** Locality-based least connection: exact sequences, recorded from Linux 6.1. A service by mark gets connections to five virtual addresses in turn. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('lblc', () => {
  it('keeps an address with its dest until that is overloaded and another one half idle', () => {
    assertPlays(`
      service lblc
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 5 5 5 5 5 4 4 4 2 2 2 2 1 1 1 1 1 1 1
    `);
    assertPlays(`
      service lblc mark
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      tcp 4 2 1 2 4 4 2 1 2 4 4 2 1 2 4
      fin 0
      udp 4 2 1 2 4
      tcp 4 2 1 2 4 4 2 1 2 4 4 2 1 2 4
      edit 4 0
      tcp 2 2 1 2 2
      del 2
      tcp 1 1 1 1 1
      add 2 3
      tcp 1 1 1 1 1 1 1 1 1 1
    `);
  });

  it('keeps an address with a dest at its upper threshold', () => {
    assertPlays(`
      service lblc
      add 1 5
      add 2 5 2
      tcp 2 2 2 2 2 2 1 1
    `);
  });

  it('forgets its addresses when the scheduler changes, not when the service is edited', () => {
    assertPlays(`
      service lblc
      add 1 9
      add 2 9
      tcp 2 2 2
      resched lblc
      tcp 2
      del 2
      tcp 1 1
      add 2 9
      tcp 1 1
      resched rr
      tcp 2
      resched lblc
      tcp 1 1
    `);
  });

  it('sends an address to its old dest when that was removed and is added again', () => {
    assertPlays(`
      service lblc
      add 1 9
      add 2 1000
      tcp 2 2 2
      del 2
      wait 300
      forget
      add 2 1000
      del 1
      add 1 9
      tcp 2 2 2
    `);
  });

  it('keeps a dest from leaving the trash while it remembers an address of it', () => {
    const play = new SchedulerPlay('lblc');
    const first = play.add(1, 1);
    play.connect();
    play.connect();
    assert.equal(first.refcnt, 1);
    play.del(1);
    const second = play.add(2, 1);
    play.connect();
    assert.deepEqual([first.refcnt, second.refcnt], [0, 1]);
    play.scheduler.doneService?.(play.svc, play.ctx);
    assert.equal(second.refcnt, 0);
  });

  it('forgets an address that was not used for lblc_expiration, at the next half-hourly check', () => {
    const play = new SchedulerPlay('lblc');
    play.ctx.sysctls.set('lblc_expiration', 1800);
    const dest = play.add(1, 1);
    play.connect();
    let minutes = 0;
    while (dest.refcnt > 0) {
      play.wait(60);
      minutes++;
      play.scheduler.periodic?.(play.svc, play.ctx);
    }
    assert.equal(minutes, 30);
  });
});
