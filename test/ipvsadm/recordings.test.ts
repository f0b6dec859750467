/**
 * What the real ipvsadm 1.31 printed and returned, on a real kernel, byte for byte. `npm run record -- test/ipvsadm` records it anew.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { namesFrom } from '../../src/cli/ipvsadm/name-files.js';
import type { Director } from '../../src/control/command.js';
import { startWithoutPackets } from '../../src/daemon/no-datapath.js';
import { connectAs, countAs, listConnsAs, orderAs } from './listing.js';
import { type RecordedRun, recordedRuns, runLine } from './replay.js';
import { TableDirector } from './table-director.js';

const FOLDER = fileURLToPath(new URL('../../../test/ipvsadm', import.meta.url));
const HOSTS = readFileSync(`${FOLDER}/hosts.txt`, 'utf8');
const SERVICES = readFileSync(`${FOLDER}/services.txt`, 'utf8');
const names = namesFrom(HOSTS, SERVICES);

async function replayRun(director: Director, { line, stdin, expected }: RecordedRun): Promise<void> {
  assert.deepEqual(
    await runLine(director, names, line, stdin),
    expected,
    `ipvsadm ${line} <<< ${JSON.stringify(stdin)}`,
  );
}

function expectedOf(runs: readonly RecordedRun[], line: string): string {
  return runs.find((run) => run.line === line)!.expected.stdout;
}

describe('the real ipvsadm answered the same', () => {
  for (const name of ['popt', 'values', 'rules', 'addresses', 'lists', 'restore']) {
    test(name, async () => {
      const director = new TableDirector();
      for (const run of recordedRuns(FOLDER, name)) await replayRun(director, run);
    });
  }

  test('sort: also where its order has circles, given the order in which the kernel had the entries', async () => {
    const director = new TableDirector();
    const runs = recordedRuns(FOLDER, 'sort');
    const [commands, listings] = [runs.slice(0, -2), runs.slice(-2)];
    for (const run of commands) await replayRun(director, run);
    orderAs(director, expectedOf(runs, '-Ln --nosort'));
    for (const run of listings) await replayRun(director, run);
  });

  test('traffic: connections and counters, with and without names', async () => {
    const director = new TableDirector();
    const runs = recordedRuns(FOLDER, 'traffic');
    const first = runs.findIndex((run) => run.line.startsWith('-L'));
    for (const run of runs.slice(0, first)) await replayRun(director, run);
    orderAs(director, expectedOf(runs, '-Ln --nosort'));
    countAs(director, expectedOf(runs, '-Ln --stats --exact --nosort'), 'stats');
    countAs(director, expectedOf(runs, '-Ln --rate --exact --nosort'), 'rate');
    connectAs(director, expectedOf(runs, '-Ln --persistent-conn --nosort'));
    listConnsAs(director, expectedOf(runs, '-Lnc --persistent-conn'));
    for (const run of runs.slice(first)) await replayRun(director, run);
  });

  test('big-numbers: thousands and millions', async () => {
    const director = new TableDirector();
    const runs = recordedRuns(FOLDER, 'big-numbers');
    const commands = runs.findIndex((run) => run.line.startsWith('-L'));
    for (const run of runs.slice(0, commands)) await replayRun(director, run);
    for (let i = commands; i < runs.length; i += 2) {
      const [short, exact] = [runs[i]!, runs[i + 1]!];
      countAs(director, exact.expected.stdout, exact.line.includes('--stats') ? 'stats' : 'rate');
      await replayRun(director, short);
      await replayRun(director, exact);
    }
  });
});

describe('and so it does with the engine as the director', () => {
  for (const name of ['popt', 'values', 'rules', 'addresses', 'lists', 'restore']) {
    test(name, async () => {
      const engine = startWithoutPackets({});
      try {
        for (const run of recordedRuns(FOLDER, name)) {
          // synchronisation daemons are not the engine's yet
          if (!run.line.includes('-daemon')) await replayRun(engine, run);
        }
      } finally {
        await engine.stop();
      }
    });
  }
});

test('the recordings were made with the names that the tests know', () => {
  const { setup } = JSON.parse(readFileSync(`${FOLDER}/traffic.json`, 'utf8')) as { setup: string[] };
  assert.ok(setup[0]!.includes(`'${HOSTS}'`));
  assert.ok(setup[1]!.includes(`'${SERVICES}'`));
});
