/** `ipvsd upgrade`: the daemon becomes the program that is installed now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientDirector } from '../control/client.js';
import { IpvsError } from '../errors.js';

/** Between two attempts to reach the daemon, ms. */
const PAUSE = 20;
/** Longest wait for it, ms. */
const PATIENCE = 60_000;

/**
 * Asks for it, and waits until the new program answers.
 * @returns what there is to be said of it. @throws NOT_SUPPORTED when the daemon leaves no state; NO_DAEMON when it does not come back
 */
export async function upgrade(director: ClientDirector): Promise<string> {
  // a stream of the old program, which ends with it
  const events = director.get('/v1/events', AbortSignal.timeout(PATIENCE));
  const ended = drain(events);
  const start = performance.now();
  await director.execute('upgrade', {});
  await ended;
  for (;;) {
    try {
      const { restartGap = 0 } = await director.execute('counters', {});
      const all = Math.round(performance.now() - start);
      return `upgraded in ${all} ms; the engine took no packets for ${Math.round(restartGap)} ms\n`;
    } catch (error) {
      const away = error instanceof IpvsError && error.code === 'NO_DAEMON';
      if (!away || performance.now() - start > PATIENCE) throw error;
      await sleep(PAUSE);
    }
  }
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _piece of stream);
  } catch {
    // it was cut off
  }
}
