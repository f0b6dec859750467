import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { IpvsError } from '../../errors.js';
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { guardScheduler } from './guard.js';
import { rr } from './rr.js';

const faults: string[] = [];
const guarded = (own: Partial<Scheduler>): Scheduler =>
  guardScheduler({ ...rr, ...own }, (hook, error) => faults.push(`${hook}: ${(error as Error).message}`));
const boom = (): never => {
  throw new Error('boom');
};

beforeEach(() => {
  faults.length = 0;
});

describe('a guarded scheduler', () => {
  test('chooses what its own chooses', () => {
    const play = new SchedulerPlay(guarded({}));
    for (const rs of [1, 2, 3]) play.add(rs, 1);
    assert.deepEqual(
      Array.from({ length: 4 }, () => play.connect()?.index),
      [3, 2, 1, 3],
    );
    assert.deepEqual(faults, []);
  });

  test('that throws has no dest, and is reported once', () => {
    const play = new SchedulerPlay(guarded({ schedule: boom }));
    play.add(1, 1);
    for (let i = 0; i < 3; i++) assert.equal(play.connect(), null);
    assert.deepEqual(faults, ['schedule: boom']);
  });

  test('may only choose a dest that the service has', () => {
    const play = new SchedulerPlay(guarded({}));
    play.add(1, 1);
    const gone = play.add(2, 1);
    play.del(2);
    const other = new SchedulerPlay('rr').add(1, 1);
    for (const choice of [gone, other, undefined, {}, 1]) {
      const bad = new SchedulerPlay(guarded({ schedule: () => choice as Dest }));
      bad.add(1, 1);
      assert.equal(bad.connect(), null);
    }
    assert.deepEqual(new Set(faults), new Set(['schedule: the choice is no real server of the service']));
    assert.equal(faults.length, 5);
  });

  test('lets no other hook fail either', () => {
    const hooks = { addDest: boom, delDest: boom, updDest: boom, doneService: boom, periodic: boom };
    const play = new SchedulerPlay(guarded(hooks));
    play.add(1, 1);
    play.edit(1, 2);
    play.scheduler.periodic?.(play.svc, play.ctx);
    play.del(1);
    play.use(rr, 0);
    assert.deepEqual(faults, [
      'addDest: boom',
      'updDest: boom',
      'periodic: boom',
      'delDest: boom',
      'doneService: boom',
    ]);
  });

  test('may refuse a service', () => {
    assert.throws(() => new SchedulerPlay(guarded({ initService: boom })), {
      code: 'INVALID',
      field: 'scheduler',
    });
    const own = new IpvsError('NO_MEMORY');
    const refuse = (): never => {
      throw own;
    };
    assert.throws(() => new SchedulerPlay(guarded({ initService: refuse })), own);
  });
});
