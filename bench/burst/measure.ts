/** One burst from a generator to a receiver, timed by the receiver. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Generator } from './generator.js';
import type { Receiver } from './receiver.js';

/** Datagrams before the clock starts: the first pay for waking everything up. */
const LEAD = 1024;
/** Time without an arrival after which what is missing is lost, ms. */
const PATIENCE = 200;

/** What became of a burst. */
export interface Burst {
  readonly sent: number;
  readonly received: number;
  /** ns for each datagram, from number 1024 to the last; when some were lost, from the start to the last that was seen. */
  readonly nanoseconds: number;
}

/** Sends `count` frames and waits for them. The caller's thread must be in the generator's namespace. */
export async function burst(generator: Generator, receiver: Receiver, count: number): Promise<Burst> {
  const lead = count > 4 * LEAD ? LEAD : count >> 2;
  receiver.arm(lead, count);
  const start = performance.now();
  generator.send(count);
  let now = receiver.arrivals();
  let seen = performance.now();
  while (now.count < count && performance.now() - seen < PATIENCE) {
    await sleep(1);
    const { count: before } = now;
    now = receiver.arrivals();
    if (now.count > before) seen = performance.now();
  }
  const all = ((seen - start) * 1e6) / Math.max(1, now.count);
  const nanoseconds = now.nanoseconds === undefined ? all : now.nanoseconds / (count - lead);
  return { sent: count, received: now.count, nanoseconds };
}
