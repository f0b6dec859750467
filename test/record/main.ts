/** `npm run record`: records what a real kernel does with scenarios, and checks what was recorded before. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareOutcomes } from '../../src/datapath/scenario/compare.js';
import { type Outcome, parseScenario } from '../../src/datapath/scenario/format.js';
import { type Crash, isCrash, type Played, type RecordedScenario } from './format.js';
import { generateAll } from './generate/all.js';
import { abandonGuests } from './guest.js';
import { playRuns } from './runs.js';
import { findVolatile } from './volatile.js';

const HELP = `npm run record -- [OPTIONS] [FILE|DIR ...]

Plays scenarios (NAME.json; by default those of test/scenarios) against the IPVS of a real Linux kernel, in user-mode-linux,
and writes what it did beside each as NAME.expected.json.

  --runs N       play each N times in fresh guests (3); what differs is noted in "volatile"
  --jobs N       guests at the same time (the number of processors)
  --only TEXT    only scenarios whose name contains TEXT
  --missing      only scenarios of which nothing is recorded yet
  --check        write nothing: compare a new run (--runs is 1) with what is recorded; status 1 when something differs
  --out DIR      write the results to DIR instead
  --generate     first write the scenarios that test/record/generate describes to test/scenarios
  --real-time    let time pass as it does; without it, waiting costs nothing
  --verbose      show the guests' consoles
  --help         this text

docs/recording.md says more.
`;

/** A scenario and where it came from. */
interface Source {
  path: string;
  scenario: RecordedScenario;
}

const REPOSITORY_SCENARIOS = 'test/scenarios';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      jobs: { type: 'string' },
      only: { type: 'string', default: '' },
      out: { type: 'string' },
      missing: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      generate: { type: 'boolean', default: false },
      'real-time': { type: 'boolean', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { check, out } = values;
  const runs = count(values.runs, check ? 1 : 3, '--runs');
  const jobs = count(values.jobs, availableParallelism(), '--jobs');
  if (values.generate) generateAll(REPOSITORY_SCENARIOS);
  const sources = findScenarios(
    positionals.length > 0 ? positionals : [REPOSITORY_SCENARIOS],
    values.only,
  ).filter(({ path }) => !values.missing || !existsSync(expectedPath(path)));
  if (sources.length === 0) {
    process.stderr.write('record: no scenarios found\n');
    return 2;
  }
  const began = performance.now();
  const played = await playRuns(
    sources.map((source) => source.scenario),
    { runs, jobs, realTime: values['real-time'], verbose: values.verbose, progress: showProgress },
  );
  const bad = sources.filter(
    (source, i) => !(check ? judge(source, played[i]!) : record(source, played[i]!, out)),
  );
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    `${sources.length} scenarios, ${runs} run${runs === 1 ? '' : 's'} each, ${bad.length} ${check ? 'differ' : 'failed'}, ${seconds} s\n`,
  );
  return bad.length === 0 ? 0 : 1;
}

/** A line that is written over again and again, for people only. */
function showProgress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all} played${done === all ? '\n' : ''}`);
}

/** Writes what a scenario's runs gave. @returns false when it could not be played. */
function record({ path, scenario }: Source, runs: readonly Played[], out: string | undefined): boolean {
  const outcomes = playedThrough(scenario.name, runs);
  if (!outcomes) return false;
  const found = findVolatile(outcomes);
  const result = found ? { ...outcomes[0]!, volatile: found } : outcomes[0]!;
  writeFileSync(
    expectedPath(out === undefined ? path : join(out, basename(path))),
    `${JSON.stringify(result, null, 1)}\n`,
  );
  if (found) process.stdout.write(`${scenario.name}: volatile ${JSON.stringify(found).slice(0, 300)}\n`);
  return true;
}

/** Tells how runs of a scenario differ from the recorded one. @returns true when they do not. */
function judge({ path, scenario }: Source, runs: readonly Played[]): boolean {
  const outcomes = playedThrough(scenario.name, runs);
  if (!outcomes) return false;
  if (!existsSync(expectedPath(path))) {
    process.stdout.write(`${scenario.name}: nothing is recorded\n`);
    return false;
  }
  const recorded = JSON.parse(readFileSync(expectedPath(path), 'utf8')) as Outcome;
  const differences = outcomes.flatMap((outcome) => compareOutcomes(recorded, outcome));
  for (const difference of differences) process.stdout.write(`${scenario.name}: ${difference}\n`);
  return differences.length === 0;
}

/** The outcomes, or undefined, with a message, when a guest failed. */
function playedThrough(name: string, runs: readonly Played[]): Outcome[] | undefined {
  const outcomes = runs.filter((run): run is Outcome => !isCrash(run));
  if (outcomes.length === runs.length) return outcomes;
  const crash = runs.find((run): run is Crash => isCrash(run));
  process.stdout.write(`${name}: ${crash?.crash}\n`);
  return undefined;
}

function findScenarios(paths: readonly string[], only: string): Source[] {
  return paths
    .flatMap((path) =>
      statSync(path).isDirectory()
        ? readdirSync(path)
            .sort()
            .map((name) => join(path, name))
        : [path],
    )
    .filter(
      (path) => path.endsWith('.json') && !path.endsWith('.expected.json') && !path.endsWith('.result.json'),
    )
    .map((path) => ({ path, scenario: readScenario(path) }))
    .filter(({ scenario }) => scenario.name.includes(only));
}

function readScenario(path: string): RecordedScenario {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Partial<RecordedScenario>;
  const { last, debug_level } = json;
  return {
    ...parseScenario(json, basename(path, '.json')),
    ...(last !== undefined && { last }),
    ...(debug_level !== undefined && { debug_level }),
  };
}

function expectedPath(path: string): string {
  return path.replace(/\.json$/, '.expected.json');
}

function count(text: string | undefined, otherwise: number, option: string): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new Error(`${option}: a number from 1 to 999 is expected, not ${text}`);
  return Number(text);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    abandonGuests();
    process.exit(130);
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`record: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
} finally {
  abandonGuests();
}
