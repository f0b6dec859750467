import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusyPoll } from './busy-poll.js';

describe('busy polling', () => {
  test('looks for more while packets follow each other, for so long after each', () => {
    const poll = new BusyPoll(0.1);
    assert.ok(poll.until < 0);
    poll.came(5);
    assert.ok(poll.until < 5);
    poll.came(5.05);
    assert.equal(poll.until, 5.05 + 0.1);
    poll.came(5.1);
    assert.equal(poll.until, 5.1 + 0.1);
  });

  test('costs nothing while they are far apart', () => {
    const poll = new BusyPoll(0.1);
    for (const now of [1, 1.05, 2, 3, 4]) poll.came(now);
    assert.ok(poll.until < 0);
    // the next that comes soon begins it again
    poll.came(4.05);
    assert.ok(poll.until > 4.05);
  });

  test('looks for nothing that needs its only processor to come', () => {
    const poll = new BusyPoll(0.1);
    poll.alone = true;
    for (const now of [1, 1.05]) poll.came(now);
    assert.ok(poll.until < 0);
    poll.alone = false;
    assert.ok(poll.until > 1.05);
  });

  test('never looks when it is told so', () => {
    const poll = new BusyPoll(0);
    for (const now of [1, 1, 1.001]) poll.came(now);
    assert.ok(poll.until < 1);
  });
});
