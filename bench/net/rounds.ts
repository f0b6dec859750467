/** Rounds in which every way has its turn, so that what disturbs the machine disturbs all of them. */
import { setImmediate as turn } from 'node:timers/promises';
import type { NetFigure, Run, Target } from './benchmark.js';
import { DIRECT, type Path } from './plan.js';
import { median } from './statistics.js';

/** What to measure in a round, and how to name it. */
export interface Metric {
  readonly metric: string;
  readonly unit: string;
  /** By name of the way. */
  readonly targets?: Readonly<Record<string, Target>>;
}

/**
 * Measures each of `paths`, direct routing among them, once a round. Each round begins with the next of them.
 * @param once gives one number for each of `metrics`.
 * @throws the reason of `signal` between two measurements.
 */
export async function inRounds(
  paths: readonly Path[],
  { rounds, signal }: Run,
  metrics: readonly Metric[],
  once: (path: Path) => Promise<readonly number[]> | readonly number[],
): Promise<NetFigure[]> {
  const samples = paths.map((): (readonly number[])[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < paths.length; place++) {
      // measurements are programs that are waited for: signals have their turn between them
      await turn();
      signal.throwIfAborted();
      const i = (round + place) % paths.length;
      samples[i]!.push(await once(paths[i]!));
      progress(`  round ${round + 1} of ${rounds}: ${paths[i]!.name}`);
    }
  }
  progress('');
  return metrics.flatMap(({ metric, unit, targets }, m) =>
    paths.map(({ name }, i) => {
      const values = samples[i]!.map((sample) => sample[m]!);
      const target = targets?.[name];
      const ratioTo = (path: number): number =>
        median(values.map((value, round) => value / samples[path]![round]![m]!));
      const of = paths.findIndex((path) => path.name === target?.of);
      return {
        path: name,
        metric,
        unit,
        value: median(values),
        least: Math.min(...values),
        most: Math.max(...values),
        ratio: ratioTo(paths.indexOf(DIRECT)),
        ...(target !== undefined && {
          target: { ...target, measured: of < 0 ? median(values) : ratioTo(of) },
        }),
      };
    }),
  );
}

/** A line that the next one replaces, for who is watching. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(60)}\r`);
}
