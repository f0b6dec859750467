/**
 * Runs inside the user-mode-linux guest: `node main.js DIR` plays the scenarios of DIR/job.json, a list, and writes
 * DIR/result-N.json for each.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Played, RecordedScenario } from '../format.js';
import { play } from './play.js';
import { now, sleepUntil } from './system.js';
import { writeNetSysctl } from './world.js';

/** Every scenario begins at a multiple of this on the guest's clock, in seconds: so it meets the same timer phases. */
const ROUND = 10;

function attempt(scenario: RecordedScenario): Played {
  try {
    return play(scenario);
  } catch (error) {
    return {
      name: scenario.name,
      crash: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

function main(directory: string): void {
  const job = JSON.parse(readFileSync(`${directory}/job.json`, 'utf8')) as RecordedScenario[];
  // those that leak come last: a namespace that never goes away keeps the clock busy
  const order = job
    .map((_, i) => i)
    .sort((a, b) => Number(job[a]!.last ?? false) - Number(job[b]!.last ?? false));
  let begin = 0;
  for (const index of order) {
    const scenario = job[index]!;
    begin = Math.max(begin, Math.ceil(now() / ROUND) * ROUND);
    sleepUntil(begin);
    begin += ROUND;
    // only the first namespace has it, and it holds for all
    writeNetSysctl('ipv4/vs/debug_level', scenario.debug_level ?? 0);
    writeFileSync(`${directory}/result-${index}.json`, JSON.stringify(attempt(scenario)));
  }
}

main(process.argv[2]!);
