/** The registry of schedulers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import type { Scheduler } from '../scheduler.js';
import { SchedulerRegistry } from './registry.js';

const newest: Scheduler = {
  name: 'newest',
  schedule: (svc) => svc.destinations[0] ?? null,
};

describe('SchedulerRegistry', () => {
  it('holds the schedulers of the kernel at first', () => {
    assert.equal(
      new SchedulerRegistry().names().join(' '),
      'rr wrr lc wlc sed nq fo ovf twos sh dh mh lblc lblcr',
    );
    assert.equal(new SchedulerRegistry().get('wlc')?.name, 'wlc');
    assert.equal(new SchedulerRegistry().get('none'), undefined);
  });

  it('takes a scheduler of anybody, which then schedules', () => {
    const registry = new SchedulerRegistry();
    registry.register(newest);
    assert.equal(registry.get('newest'), newest);
    assert.equal(registry.names().at(-1), 'newest');
    const play = new SchedulerPlay(newest);
    play.add(1, 1);
    play.add(2, 1);
    assert.equal(play.connect()!.index, 2);
  });

  it('refuses a name that is taken or cannot be one', () => {
    const registry = new SchedulerRegistry();
    for (const name of ['rr', 'none', '', 'sixteen-letters!', 'a b', 'größte']) {
      assert.throws(() => registry.register({ ...newest, name }), { code: 'INVALID', field: 'name' }, name);
    }
    registry.register({ ...newest, name: 'fifteen-letters' });
  });

  it('may begin empty', () => {
    assert.deepEqual(new SchedulerRegistry([]).names(), []);
  });
});
