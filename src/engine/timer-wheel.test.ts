import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimerWheel } from './timer-wheel.js';

function fireTimes(wheel: TimerWheel, to: number): Map<number, number> {
  const times = new Map<number, number>();
  wheel.advance(to, (id, jiffies) => times.set(id, jiffies));
  return times;
}

test('a timer never fires early, and late by at most an eighth of its time and a tick', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 50 }),
      (start, delays) => {
        const wheel = new TimerWheel(delays.length + 1, start);
        delays.forEach((delay, id) => {
          wheel.set(id, start + delay);
        });
        const times = fireTimes(wheel, start + 300_000);
        delays.forEach((delay, id) => {
          const late = times.get(id)! - (start + delay);
          assert.ok(late >= 0 && late <= Math.max(1, delay / 7), `delay ${delay} late ${late}`);
        });
        assert.equal(wheel.size, 0);
      },
    ),
  );
});

test('timers fire in order of time', () => {
  const wheel = new TimerWheel(3, 0);
  wheel.set(0, 500);
  wheel.set(1, 20);
  wheel.set(2, 5000);
  const order: number[] = [];
  wheel.advance(10_000, (id) => order.push(id));
  assert.deepEqual(order, [1, 0, 2]);
});

test("the grain is the kernel's: 2 s at 100 ticks a second fire after 208 ticks", () => {
  const wheel = new TimerWheel(1, 0);
  wheel.set(0, 200);
  assert.deepEqual([...fireTimes(wheel, 1000)], [[0, 208]]);
});

test('a timer that is armed late, for a time that was decided before, fires when it would have', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 2, max: 200_000 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (start, delay, part) => {
        const [atOnce, late] = [new TimerWheel(1, start), new TimerWheel(1, start)];
        atOnce.set(0, start + delay);
        late.advance(start + Math.floor(delay * part), () => {});
        late.set(0, start + delay, start);
        assert.deepEqual(fireTimes(late, start + 300_000), fireTimes(atOnce, start + 300_000));
      },
    ),
  );
});

test('a cancelled timer does not fire, whatever was armed beside it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.boolean()), { maxLength: 60 }),
      (timers) => {
        const wheel = new TimerWheel(timers.length + 1, 0);
        timers.forEach(([delay], id) => {
          wheel.set(id, delay);
        });
        timers.forEach(([, cancel], id) => {
          if (cancel) wheel.cancel(id);
        });
        const fired = [...fireTimes(wheel, 10_000).keys()].sort((a, b) => a - b);
        assert.deepEqual(
          fired,
          timers.flatMap(([, cancel], id) => (cancel ? [] : [id])),
        );
      },
    ),
  );
});

test('a timer that arms itself anew fires again', () => {
  const wheel = new TimerWheel(1, 0);
  wheel.set(0, 10);
  let count = 0;
  wheel.advance(1000, (id, jiffies) => {
    count++;
    wheel.set(id, jiffies + 10);
  });
  assert.ok(count > 80 && count <= 100, String(count));
});

test('time wraps at 2^31 without a timer being lost', () => {
  const start = 0x7fff_fff0;
  const wheel = new TimerWheel(1, start);
  wheel.set(0, (start + 100) | 0);
  let fired = 0;
  wheel.advance((start + 200) | 0, () => fired++);
  assert.equal(fired, 1);
});

test('idle never sleeps past a timer', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (delay) => {
      const wheel = new TimerWheel(1, 0);
      wheel.set(0, delay);
      let clock = 0;
      let fired = false;
      while (!fired) {
        clock += wheel.idle(64);
        let at = -1;
        wheel.advance(clock, (_, jiffies) => {
          at = jiffies;
        });
        fired = at >= 0;
        if (fired) assert.equal(at, clock);
      }
    }),
    { numRuns: 30 },
  );
});

test('a timer armed for just below a whole turn from within its own bucket waits that turn', () => {
  const wheel = new TimerWheel(1, 0);
  wheel.set(0, 1);
  const fired: number[] = [];
  wheel.advance(200, (id, jiffies) => {
    fired.push(jiffies);
    if (fired.length > 10) throw new Error('it never ends');
    wheel.set(id, jiffies + 63);
  });
  assert.deepEqual(fired, [2, 66, 130, 194]);
});
