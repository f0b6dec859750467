import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DirectorEvent } from '../control/events.js';
import { EventHub } from './event-hub.js';
import { EventQueue } from './event-queue.js';
import type { Seen, Watch } from './watcher.js';

const event = (n: number): DirectorEvent => ({ time: '', event: 'zero', n });

/** The next events of a queue. */
async function take(queue: AsyncIterator<DirectorEvent>, count: number): Promise<DirectorEvent[]> {
  const events: DirectorEvent[] = [];
  for (let i = 0; i < count; i++) {
    const { value, done } = await queue.next();
    assert.ok(done !== true);
    events.push(value as DirectorEvent);
  }
  return events;
}

describe('the queue of one listener', () => {
  test('gives events in order, those that come while it is read, too', async () => {
    const stop = new AbortController();
    const queue = new EventQueue(stop.signal);
    const read = queue[Symbol.asyncIterator]();
    const first = read.next();
    queue.push(event(1));
    assert.deepEqual((await first).value, event(1));
    queue.push(event(2));
    queue.push(event(3));
    assert.deepEqual(await take(read, 2), [event(2), event(3)]);
    const waiting = read.next();
    stop.abort();
    assert.equal((await waiting).done, true);
  });

  test('keeps as many as it may, and tells how many it could not, where they are missing', async () => {
    const queue = new EventQueue(new AbortController().signal, 3);
    const read = queue[Symbol.asyncIterator]();
    for (let n = 1; n <= 10; n++) queue.push(event(n));
    assert.deepEqual(await take(read, 3), [event(1), event(2), event(3)]);
    const lost = await take(read, 1);
    assert.equal(lost[0]!.event === 'lost' && lost[0]!.count, 7);
    queue.push(event(11));
    assert.deepEqual(await take(read, 1), [event(11)]);
  });

  test('goes on where it had been full, and tells a loss once', async () => {
    const queue = new EventQueue(new AbortController().signal, 3);
    const read = queue[Symbol.asyncIterator]();
    for (let n = 1; n <= 5; n++) queue.push(event(n));
    assert.deepEqual(await take(read, 1), [event(1)]);
    queue.push(event(6));
    const rest = await take(read, 4);
    assert.deepEqual(
      rest.map((e) => (e.event === 'lost' ? `lost ${e.count}` : e)),
      [event(2), event(3), 'lost 2', event(6)],
    );
    queue.push(event(7));
    assert.deepEqual(await take(read, 1), [event(7)]);
  });

  test('adds up what was lost before it', async () => {
    const queue = new EventQueue(new AbortController().signal, 1);
    const read = queue[Symbol.asyncIterator]();
    queue.push(event(1));
    queue.push({ time: '', event: 'lost', count: 5 });
    queue.push(event(2));
    const [, lost] = await take(read, 2);
    assert.equal(lost!.event === 'lost' && lost!.count, 6);
  });
});

describe('the hub', () => {
  /** A data path that says for what it is watched. */
  function watched() {
    let seen: (events: readonly Seen[]) => void = () => {};
    const asked: Watch[] = [];
    const watch = (what: Watch, tell: typeof seen): void => {
      asked.push(what);
      seen = tell;
    };
    return { datapath: { watch }, asked, see: (events: readonly Seen[]) => seen(events) };
  }

  const idle: Watch = { connections: false, packets: [] };

  test('lets an engine be watched only as long as somebody listens, and only for what they want', async () => {
    const hub = new EventHub();
    const { datapath, asked } = watched();
    hub.add(undefined, datapath);
    assert.deepEqual(asked, [], 'nobody listens');
    const stop = new AbortController();
    const read = hub.listen({ kinds: ['connections'], packets: {} }, stop.signal)[Symbol.asyncIterator]();
    const next = read.next();
    assert.deepEqual(asked, [{ connections: true, packets: [] }]);
    stop.abort();
    await next;
    assert.deepEqual(asked.at(-1), idle);
    const changes = new AbortController();
    const other = hub
      .listen({ kinds: ['configuration'], packets: {} }, changes.signal)
      [Symbol.asyncIterator]();
    const change = other.next();
    assert.deepEqual(
      asked.at(-1),
      { ...idle, drains: true },
      'commands need no watch, the end of a drain does',
    );
    hub.done(undefined, 'info', {});
    hub.done('blue', 'sysctl.set', { name: 'drop_entry', value: '1' });
    const { time: _, ...told } = (await change).value as DirectorEvent;
    assert.deepEqual(told, { netns: 'blue', event: 'sysctl.set', name: 'drop_entry', value: '1' });
    changes.abort();
    await other.next();
  });

  test('tells each listener what is meant for it', async () => {
    const hub = new EventHub();
    const blue = watched();
    hub.add('blue', blue.datapath);
    const stop = new AbortController();
    const listen = (kinds: ('packets' | 'connections')[], netns?: string) =>
      hub
        .listen({ kinds, packets: {}, ...(netns !== undefined && { netns }) }, stop.signal)
        [Symbol.asyncIterator]();
    const first = listen(['packets']);
    const second = listen(['packets']);
    const green = listen(['connections'], 'green');
    const waiting = [first.next(), second.next(), green.next()];
    const [, two] = blue.asked.at(-1)!.packets;
    blue.see([
      { time: 0, body: { event: 'packet', explanation: {} as never, bytes: '45' }, ids: [two!.id] },
      { time: 0, body: { event: 'lost', count: 3 } },
    ]);
    assert.equal(((await waiting[1]!).value as DirectorEvent).event, 'packet');
    assert.equal(((await waiting[0]!).value as DirectorEvent).event, 'lost');
    stop.abort();
    assert.equal((await waiting[2]!).done, true, 'nothing happened in its namespace');
  });
});
