/** Locality-based least connection with replication: exact sequences, recorded from Linux 6.1. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { assertPlays } from '../../../test/support/scheduler-script.js';

describe('lblcr', () => {
  it('adds a dest to those of an address when they are overloaded and another one half idle', () => {
    assertPlays(`
      service lblcr
      add 1 1
      add 2 3
      add 3 0
      add 4 2
      add 5 5
      tcp 5 5 5 5 5 5 4 4 4 2 2 2 2 1 1 5 2 5 4 5 2 5 1 2 4 5 5 2 5 4
    `);
    assertPlays(`
      service lblcr mark
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
      tcp 2 2 1 2 2 2 2 1 2 2
    `);
  });

  it('takes the most loaded dest from an address whose set was left alone for lblcr_expiration', () => {
    assertPlays(`
      service lblcr
      sysctl lblcr_expiration 5
      add 1 2
      add 2 2
      add 3 2
      tcp 3 3 3 2 2 2 1 1 1 1 2
      edit 1 100
      edit 2 100
      edit 3 100
      edit 3 10000
      tcp 3
      edit 3 100
      edit 1 10000
      tcp 1
      edit 1 100
      edit 2 10000
      tcp 2
      edit 2 100
      wait 8
      tcp 3
      edit 3 10000
      tcp 3
      edit 3 100
      edit 1 10000
      tcp 2
      edit 1 100
      edit 2 10000
      tcp 2
      edit 2 100
      wait 8
      tcp 3
      edit 3 10000
      tcp 3
      edit 3 100
      edit 1 10000
      tcp 3
      edit 1 100
      edit 2 10000
      tcp 3
      edit 2 100
      wait 8
      tcp 3
    `);
  });

  it('leaves an address its only dest', () => {
    assertPlays(`
      service lblcr
      sysctl lblcr_expiration 5
      add 1 9
      add 2 9
      tcp 2
      wait 8
      tcp 2 2
    `);
  });

  it('does not choose a dest at its upper threshold', () => {
    assertPlays(`
      service lblcr
      add 1 5
      add 2 5 2
      tcp 2 2 1 1 1 1 1 1
    `);
  });

  it('takes a dest away later than lblcr_expiration after the last change, to the tick', () => {
    const play = new SchedulerPlay('lblcr');
    play.ctx.sysctls.set('lblcr_expiration', 5);
    play.wait(1000);
    const dests = [play.add(1, 2), play.add(2, 2)];
    for (let i = 0; i < 4; i++) play.connect();
    const held = (): number => dests.filter((dest) => dest.refcnt > 0).length;
    play.wait(5);
    play.connect();
    assert.equal(held(), 2);
    play.ctx.jiffies++;
    play.connect();
    assert.equal(held(), 1);
  });

  it('keeps dests from leaving the trash while it remembers an address of them', () => {
    const play = new SchedulerPlay('lblcr');
    const dest = play.add(1, 1);
    play.connect();
    play.connect();
    assert.equal(dest.refcnt, 1);
    play.scheduler.doneService?.(play.svc, play.ctx);
    assert.equal(dest.refcnt, 0);
  });
});
