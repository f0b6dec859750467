/** Every recorded scenario, played against the engine, gives what the real kernel gave. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readScenario } from '../src/cli/simulate.js';
import { simulatedDirector } from '../src/cli/simulated-director.js';
import { compareOutcomes } from '../src/datapath/scenario/compare.js';
import type { Outcome } from '../src/datapath/scenario/format.js';
import { play } from '../src/datapath/scenario/player.js';

/** From dist/test, where this runs. */
const FOLDER = fileURLToPath(new URL('../../test/scenarios/', import.meta.url));

/** What the engine does not do yet, by the scenario's name. One that passes must be taken off the list. */
const NOT_YET: Readonly<Record<string, string>> = {
  ftp_ftp_passive_ct0: 'FTP helper',
  sync_backup_v1: 'sync daemons',
  sync_master_v1: 'sync daemons',
};

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.expected.json'))
  .map((file) => file.replace('.expected.json', ''));

async function differences(name: string): Promise<string[]> {
  const expected = JSON.parse(readFileSync(join(FOLDER, `${name}.expected.json`), 'utf8')) as Outcome;
  const actual = await play(readScenario(join(FOLDER, `${name}.json`)), (host) => simulatedDirector(host, 1));
  return compareOutcomes(expected, actual);
}

describe('the engine does what the kernel did in', () => {
  for (const name of names.filter((n) => NOT_YET[n] === undefined)) {
    it(name, async () => {
      const found = await differences(name);
      assert.equal(found.length, 0, found.join('\n'));
    });
  }
});

describe('not yet in reach is', () => {
  for (const [name, reason] of Object.entries(NOT_YET)) {
    it(`${name} (${reason})`, async () => {
      assert.ok(names.includes(name), `there is no scenario ${name}`);
      assert.notEqual((await differences(name)).length, 0, `${name} passes now: take it off the list`);
    });
  }
});
