/** What schedulers say they would choose is what they then choose, and saying it changes nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { stateText } from '../../../test/support/state-text.js';
import { AF_INET, AF_INET6 } from '../../wire/inet.js';
import { SVC_F_SCHED1, SVC_F_SCHED2 } from '../flags.js';
import type { Scheduler } from '../scheduler.js';
import { usable } from './load.js';
import { builtinSchedulers } from './registry.js';

const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'edit', 'del', 'connect', 'connect', 'connect', 'finish', 'wait'),
  rs: fc.integer({ min: 1, max: 6 }),
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 6 }), fc.constantFrom(100, 2 ** 31 - 1)),
  uThreshold: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
  count: fc.integer({ min: 1, max: 12 }),
});
const steps = fc.array(step, { minLength: 5, maxLength: 60 });
const settings = fc.record({
  flags: fc.constantFrom(0, SVC_F_SCHED1, SVC_F_SCHED2, SVC_F_SCHED1 | SVC_F_SCHED2),
  family: fc.constantFrom(AF_INET, AF_INET6),
  byMark: fc.boolean(),
});

/** A scheduler that compares what it says with what it does, each time that it is asked. */
function held(scheduler: Scheduler, play: () => SchedulerPlay, seen: () => void): Scheduler {
  return {
    ...scheduler,
    schedule(svc, packet, iph, ctx) {
      const before = stateText(play().svc);
      const deaf = {
        ...ctx,
        jiffies: ctx.jiffies,
        sysctl: (name: string) => ctx.sysctl(name),
        randomBelow: () => assert.fail('it draws'),
      };
      const said = scheduler.explain!(svc, packet, iph, deaf);
      const figures = svc.destinations.map((dest) => said.figuresOf?.(dest));
      assert.equal(stateText(play().svc), before, 'explaining changes nothing');
      const chosen = scheduler.schedule(svc, packet, iph, ctx);
      seen();
      if (said.chosen !== undefined) assert.equal(said.chosen, chosen);
      else {
        assert.equal(scheduler.name, 'twos');
        const chances = figures.map((figure) => figure?.chance ?? 0);
        assert.ok(chances[svc.destinations.indexOf(chosen!)]! > 0, 'what is chosen had a chance');
        assert.ok(Math.abs(chances.reduce((a, b) => a + b) - 1) < 1e-9, 'chances add up');
      }
      return chosen;
    },
  };
}

describe('what a scheduler says it would choose', () => {
  for (const scheduler of builtinSchedulers()) {
    it(`${scheduler.name}: is what it chooses next`, () => {
      let choices = 0;
      fc.assert(
        fc.property(steps, settings, (all, { flags, family, byMark }) => {
          const play: SchedulerPlay = new SchedulerPlay(
            held(
              scheduler,
              () => play,
              () => choices++,
            ),
            flags,
            family,
            byMark,
          );
          let seed = 1;
          play.ctx.random = (n) => {
            seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
            return Math.floor((seed / 2 ** 32) * n);
          };
          for (const { kind, rs, weight, uThreshold, count } of all) {
            const present = play.svc.destinations.some((dest) => dest.index === rs);
            if (kind === 'add' && !present) play.add(rs, weight, uThreshold);
            else if (kind === 'edit' && present) play.edit(rs, weight, uThreshold);
            else if (kind === 'del' && present) play.del(rs);
            else if (kind === 'finish') play.finish(count);
            else if (kind === 'wait') play.wait(count * 20);
            else if (kind === 'connect') for (let i = 0; i < count; i++) play.connect();
          }
        }),
        { numRuns: 40 },
      );
      assert.ok(choices > 500, `${choices} choices`);
    });
  }

  it('twos: chances are those of many draws', () => {
    const play = new SchedulerPlay('twos');
    play.add(1, 1);
    play.add(2, 2);
    play.add(3, 5);
    let seed = 7;
    play.ctx.random = (n) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const { svc, packet, iph, ctx, scheduler } = play;
    const said = scheduler.explain!(svc, packet, iph, ctx);
    const drawn = new Map(svc.destinations.map((dest) => [dest, 0]));
    for (let i = 0; i < 30_000; i++) {
      const dest = scheduler.schedule(svc, packet, iph, ctx)!;
      drawn.set(dest, drawn.get(dest)! + 1);
    }
    for (const dest of svc.destinations.filter(usable)) {
      assert.ok(Math.abs(drawn.get(dest)! / 30_000 - said.figuresOf!(dest).chance!) < 0.02);
    }
  });
});
