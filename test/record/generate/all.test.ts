import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseScenario } from '../../../src/datapath/scenario/format.js';
import { SCENARIOS, scenarioText } from './all.js';

const DIRECTORY = fileURLToPath(new URL('../../../../test/scenarios/', import.meta.url));

describe('generated scenarios', () => {
  it('have names of their own', () => {
    assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
  });

  for (const scenario of SCENARIOS) {
    it(`${scenario.name} is well-formed, and written down as described`, () => {
      const text = scenarioText(scenario);
      assert.equal(
        readFileSync(`${DIRECTORY}${scenario.name}.json`, 'utf8'),
        text,
        'run npm run record -- --generate --missing',
      );
      assert.ok(existsSync(`${DIRECTORY}${scenario.name}.expected.json`), 'run npm run record -- --missing');
      assert.ok(text.length < 30_000, `${text.length} octets`);
      const { events } = parseScenario(JSON.parse(text), '');
      assert.ok(
        events.every((event, i) => i === 0 || event.at >= events[i - 1]!.at),
        'events in order',
      );
    });
  }
});
