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

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.expected.json'))
  .map((file) => file.replace('.expected.json', ''));

async function differences(name: string): Promise<string[]> {
  const expected = JSON.parse(readFileSync(join(FOLDER, `${name}.expected.json`), 'utf8')) as Outcome;
  const actual = await play(readScenario(join(FOLDER, `${name}.json`)), (host) => simulatedDirector(host, 1));
  return compareOutcomes(expected, actual);
}

describe('the engine does what the kernel did in', () => {
  for (const name of names) {
    it(name, async () => {
      const found = await differences(name);
      assert.equal(found.length, 0, found.join('\n'));
    });
  }
});

it('there are as many of them as there should be', () => {
  assert.ok(names.length >= 290, `${names.length} scenarios`);
});
