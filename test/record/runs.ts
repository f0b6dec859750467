/** Playing many scenarios, several times, in several guests at once. */
import type { Played, RecordedScenario } from './format.js';
import { type GuestOptions, playInGuest } from './guest.js';

/** How often and how widely scenarios are played. */
export interface RunOptions extends Pick<GuestOptions, 'realTime' | 'verbose'> {
  runs: number;
  /** Guests at the same time. */
  jobs: number;
  /** Called whenever a guest has ended, with how many of all plays are done. */
  progress?: (done: number, all: number) => void;
}

/** Scenarios that one guest plays at most: what a crash can take with it, and what must end within the timeout. */
const BATCH = 40;
const TIMEOUT = 540;

/** Plays every scenario `runs` times. @returns its results, by scenario in the given order. */
export async function playRuns(
  scenarios: readonly RecordedScenario[],
  options: RunOptions,
): Promise<Played[][]> {
  const results: Played[][] = scenarios.map(() => []);
  const batches = Array.from({ length: options.runs }, (_, run) =>
    spread(ordered(scenarios.length, run), options.jobs),
  );
  const queue = batches.flat();
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let batch = queue.shift(); batch; batch = queue.shift()) {
      const played = await playInGuest(
        batch.map((i) => scenarios[i]!),
        { ...options, timeout: TIMEOUT },
      );
      done += batch.length;
      options.progress?.(done, options.runs * scenarios.length);
      batch.forEach((i, n) => {
        results[i]!.push(played[n]!);
      });
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
  return results;
}

/** The indices in another order for every run, so that what one scenario leaves behind for the next does not go unseen. */
function ordered(length: number, run: number): number[] {
  const indices = Array.from({ length }, (_, i) => i);
  if (run === 1) return indices.reverse();
  // any fixed shuffle will do: a multiplicative hash of the index
  const key = (i: number): number => Math.imul(i + 1, 2_654_435_761 + 2 * run) >>> 0;
  return run === 0 ? indices : indices.sort((a, b) => key(a) - key(b));
}

/** Deals the indices out to batches, as even as can be. */
function spread(indices: readonly number[], jobs: number): number[][] {
  const n = Math.min(indices.length, jobs * Math.max(1, Math.ceil(indices.length / (jobs * BATCH))));
  return Array.from({ length: n }, (_, batch) => indices.filter((_, i) => i % n === batch));
}
