/** What every scheduler owes the engine, whatever its way of choosing: the compliance suite. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Dest } from '../../src/engine/dest.js';
import { IPPROTO_TCP, IPPROTO_UDP, SVC_F_SCHED1, SVC_F_SCHED2 } from '../../src/engine/flags.js';
import type { Scheduler } from '../../src/engine/scheduler.js';
import { usable } from '../../src/engine/schedulers/load.js';
import { builtinSchedulers } from '../../src/engine/schedulers/registry.js';
import { AF_INET, AF_INET6 } from '../../src/wire/inet.js';
import { SchedulerPlay } from './scheduler-play.js';

/** Something that happens to a service. */
interface Step {
  readonly kind: 'add' | 'edit' | 'del' | 'connect' | 'finish' | 'wait' | 'collect';
  /** Real server, or the number of a connection. */
  readonly rs: number;
  readonly weight: number;
  readonly uThreshold: number;
  readonly count: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    'add',
    'add',
    'edit',
    'edit',
    'del',
    'connect',
    'connect',
    'connect',
    'finish',
    'wait',
    'collect',
  ),
  rs: fc.integer({ min: 1, max: 6 }),
  weight: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 6 }),
    fc.constant(100),
    fc.constant(2 ** 31 - 1),
  ),
  uThreshold: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
  count: fc.integer({ min: 1, max: 12 }),
});
const steps = fc.array(step, { maxLength: 40 });
const settings = fc.record({
  flags: fc.constantFrom(0, SVC_F_SCHED1, SVC_F_SCHED2, SVC_F_SCHED1 | SVC_F_SCHED2),
  family: fc.constantFrom(AF_INET, AF_INET6),
  byMark: fc.boolean(),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

/** A play with draws that are neither all low nor all high. */
function newPlay(scheduler: Scheduler, { flags, family, byMark }: Settings): SchedulerPlay {
  const play = new SchedulerPlay(scheduler, flags, family, byMark);
  let state = 1;
  play.ctx.random = (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  play.ctx.sysctls.set('lblcr_expiration', 60);
  return play;
}

/** Takes one step where it makes sense; `seen` looks at each choice before its connection counts. */
function take(
  play: SchedulerPlay,
  { kind, rs, weight, uThreshold, count }: Step,
  seen: (chosen: Dest | null) => void,
): void {
  const present = play.svc.destinations.some((dest) => dest.index === rs);
  if (kind === 'add' && !present) play.add(rs, weight, uThreshold);
  else if (kind === 'edit' && present) play.edit(rs, weight, uThreshold);
  else if (kind === 'del' && present) play.del(rs);
  else if (kind === 'finish') play.finish(count);
  else if (kind === 'wait') play.wait(count * 20);
  else if (kind === 'collect') play.scheduler.periodic?.(play.svc, play.ctx);
  else if (kind === 'connect') {
    for (let i = 0; i < count; i++) play.connect(i % 4 === 3 ? IPPROTO_UDP : IPPROTO_TCP, seen);
  }
}

/** lblc stays with the dest of an address although that has reached its threshold: so does the kernel's. */
function mayChoose(scheduler: Scheduler, dest: Dest): boolean {
  return scheduler.name === 'lblc' ? dest.weight > 0 : usable(dest);
}

/**
 * Tests a scheduler.
 * @param alwaysFinds it finds a usable dest whenever there is one; others hold that a client, or a full dest, has to wait.
 */
export function describeCompliance(scheduler: Scheduler, alwaysFinds: boolean): void {
  describe(scheduler.name, () => {
    it('has no dest for a connection while the service has none', () => {
      assert.equal(new SchedulerPlay(scheduler).connect(), null);
    });

    it('chooses a dest of the service, with weight and not overloaded, whatever happened before', () => {
      fc.assert(
        fc.property(settings, steps, (how, what) => {
          const play = newPlay(scheduler, how);
          for (const one of what) {
            take(play, one, (chosen) => {
              if (chosen === null) return;
              assert.ok(play.svc.destinations.includes(chosen), 'one that was removed');
              assert.ok(
                mayChoose(scheduler, chosen),
                `weight ${chosen.weight}, overloaded ${chosen.overloaded}`,
              );
            });
          }
        }),
      );
    });

    it('chooses nothing when no dest is usable', () => {
      fc.assert(
        fc.property(settings, steps, (how, what) => {
          const play = newPlay(scheduler, how);
          for (const one of what) take(play, one, () => {});
          for (const dest of [...play.svc.destinations]) play.edit(dest.index, 0);
          for (let i = 0; i < 30; i++) play.connect(IPPROTO_TCP, (chosen) => assert.equal(chosen, null));
        }),
      );
    });

    it('chooses again once dests have come back', () => {
      fc.assert(
        fc.property(settings, steps, (how, what) => {
          const play = newPlay(scheduler, how);
          for (const one of what) take(play, one, () => {});
          for (const dest of [...play.svc.destinations]) play.edit(dest.index, 0);
          play.forget();
          for (let rs = 1; rs <= 6; rs++) {
            if (play.svc.destinations.some((dest) => dest.index === rs)) play.edit(rs, 9);
            else play.add(rs, 9);
          }
          for (let i = 0; i < 30; i++) play.connect(IPPROTO_TCP, (chosen) => assert.notEqual(chosen, null));
        }),
      );
    });

    it('does not care whether dests came before it or after, as far as the kernel does not', () => {
      // wrr begins at the largest weight when it finds dests, and at the first one's when they come one by one
      const weight = scheduler.name === 'wrr' ? fc.constant(3) : fc.integer({ min: 0, max: 6 });
      fc.assert(
        fc.property(settings, fc.array(weight, { maxLength: 6 }), (how, weights) => {
          const [before, after] = [builtinSchedulers()[0]!, scheduler].map((first) => {
            const play = newPlay(first, { ...how, flags: 0 });
            weights.forEach((w, i) => {
              play.add(i + 1, w);
            });
            play.use(scheduler, how.flags);
            return Array.from({ length: 40 }, () => play.connect()?.index);
          });
          assert.deepEqual(before, after);
        }),
      );
    });

    it('leaves no dest held when it is done with a service', () => {
      fc.assert(
        fc.property(settings, steps, (how, what) => {
          const play = newPlay(scheduler, how);
          for (const one of what) take(play, one, () => {});
          play.scheduler.doneService?.(play.svc, play.ctx);
          for (let rs = 1; rs <= 6; rs++) assert.equal(play.dest(rs)?.refcnt ?? 0, 0);
        }),
      );
    });

    if (alwaysFinds) {
      it('finds a usable dest whenever there is one', () => {
        fc.assert(
          fc.property(settings, steps, (how, what) => {
            const play = newPlay(scheduler, how);
            for (const one of what) {
              take(play, one, (chosen) => {
                if (chosen === null) assert.equal(play.svc.destinations.some(usable), false);
              });
            }
          }),
        );
      });
    }
  });
}
