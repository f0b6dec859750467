import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Turnstile } from './turnstile.js';

/** Begins and ends of work, in order. */
function diary() {
  const events: string[] = [];
  const work =
    (name: string, ms = 2) =>
    async () => {
      events.push(`+${name}`);
      await sleep(ms);
      events.push(`-${name}`);
      return name;
    };
  return { events, work };
}

describe('a turnstile', () => {
  test('lets many work together, and one alone between them', async () => {
    const { events, work } = diary();
    const gate = new Turnstile();
    const done = [
      gate.together(work('a', 6)),
      gate.together(work('b', 2)),
      gate.alone(work('X')),
      gate.alone(work('Y')),
      gate.together(work('c')),
    ];
    assert.deepEqual(await Promise.all(done), ['a', 'b', 'X', 'Y', 'c']);
    assert.deepEqual(events, ['+a', '+b', '-b', '-a', '+X', '-X', '+Y', '-Y', '+c', '-c']);
  });

  test('goes on after work that failed', async () => {
    const { events, work } = diary();
    const gate = new Turnstile();
    const fail = async () => {
      throw new Error('no');
    };
    const failures = [gate.together(fail), gate.alone(fail)];
    for (const failure of failures) await assert.rejects(failure, /no/);
    await gate.alone(work('X'));
    await gate.together(work('a'));
    assert.deepEqual(events, ['+X', '-X', '+a', '-a']);
  });
});
