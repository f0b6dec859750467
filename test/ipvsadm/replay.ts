/** Plays the ipvsadm events of a scenario against a director, beside what the real ipvsadm answered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CapturedRun, captureIpvsadm } from '../../src/cli/ipvsadm/captured-run.js';
import type { NameResolver } from '../../src/cli/ipvsadm/names.js';
import type { Director } from '../../src/control/command.js';
import { shellWords } from '../../src/datapath/scenario/shell-words.js';

/** One run of ipvsadm in a recording. */
export interface RecordedRun {
  /** The arguments, as a shell would split them. */
  readonly line: string;
  readonly stdin: string | undefined;
  /** What the real one gave. */
  readonly expected: CapturedRun;
}

/** The runs of ipvsadm in a scenario that was recorded with `npm run record -- FOLDER`. */
export function recordedRuns(folder: string, name: string): RecordedRun[] {
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const events: { ipvsadm: string; stdin?: string }[] = read(`${name}.json`).events;
  const results: (CapturedRun & { event: number })[] = read(`${name}.expected.json`).ipvsadm_results;
  return results.map(({ event, rc, stdout, stderr }) => ({
    line: events[event]!.ipvsadm,
    stdin: events[event]!.stdin,
    expected: { rc, stdout, stderr },
  }));
}

/** Runs ipvsadm with a line of arguments as a shell would split them. */
export function runLine(
  director: Director,
  resolver: NameResolver,
  line: string,
  stdin = '',
): Promise<CapturedRun> {
  return captureIpvsadm(director, resolver, shellWords(line), stdin);
}
