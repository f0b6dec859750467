import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkSpec, type PassiveCheck } from '../control/check-spec.js';
import { type Answers, startPassive } from './passive.js';
import type { Report } from './prober.js';

const spec = checkSpec.read({ type: 'passive', interval: 1000, fall: 3, hold: 9000 }, '') as PassiveCheck;

function world() {
  const reports: Report[] = [];
  let timer: { delay: number; then: () => void } | undefined;
  let answers: Answers | undefined = { answered: 100, unanswered: 50 };
  const end = startPassive(
    spec,
    async () => answers,
    (report) => reports.push(report),
    {
      now: () => 0,
      random: () => 0,
      after(delay, then) {
        timer = { delay, then };
        return () => {
          timer = undefined;
        };
      },
    },
  );
  return {
    end,
    reports,
    waits: () => timer?.delay,
    /** Lets time pass until the next look. @returns whether the server is up then */
    async look(answered: number, unanswered: number): Promise<boolean> {
      answers = answers && {
        answered: answers.answered + answered,
        unanswered: answers.unanswered + unanswered,
      };
      timer!.then();
      await new Promise((resolve) => setImmediate(resolve));
      return reports.at(-1)!.up;
    },
    go: () => {
      answers = undefined;
    },
    come: () => {
      answers = { answered: 0, unanswered: 0 };
    },
  };
}

describe('a check of what clients see', () => {
  it('is content with a server that nobody asks, and with one that answers', async () => {
    const { look, waits } = world();
    assert.equal(await look(0, 0), true);
    assert.equal(await look(0, 0), true);
    assert.equal(await look(5, 9), true);
    assert.equal(waits(), 1000);
  });

  it('finds a server down whose connections are not answered, and looks again after its hold', async () => {
    const { look, waits, reports } = world();
    await look(0, 0);
    assert.equal(await look(0, 2), true);
    assert.equal(await look(0, 1), false);
    assert.equal(reports.at(-1)!.reason, '3 connections of clients were not answered');
    assert.equal(waits(), 9000);
    assert.equal(await look(0, 0), true);
    assert.deepEqual(
      reports.map(({ first }) => first),
      [true, false, false, false],
    );
  });

  it('forgets failures when one is answered', async () => {
    const { look } = world();
    await look(0, 0);
    await look(0, 2);
    await look(1, 0);
    assert.equal(await look(0, 2), true);
  });

  it('is not confused by a server that goes and comes with new counters', async () => {
    const { look, go, come } = world();
    await look(0, 0);
    go();
    assert.equal(await look(0, 0), true);
    come();
    assert.equal(await look(0, 2), true);
  });

  it('ends', () => {
    const { end, waits } = world();
    end();
    assert.equal(waits(), undefined);
  });
});
