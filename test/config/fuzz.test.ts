/** Configurations that are wrong in any way: refused with the place of each mistake, or applied; never half of both, and never after a long time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../../src/daemon/config/check.js';
import { ConfigReader } from '../../src/daemon/config/reader.js';
import type { Net } from '../../src/engine/net.js';
import { IpvsError } from '../../src/errors.js';
import { assertInvariants } from '../support/invariants.js';
import { HARD_TEXTS, spoiltText } from './spoilt-texts.js';
import { newNamespaces, open, stateOf } from './support.js';

/** Longest time for a text that is made to take long, ms; some of them took minutes. */
const PATIENCE = 20_000;

/** What a text is refused with; undefined when it is not. @throws what is no refusal */
async function refusal(read: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    assert.equal(error.code, 'BAD_CONFIG', error.message);
    return error.message;
  }
}

/** Each mistake has its place, and that is one of the text's. */
function assertPlaces(message: string, text: string): void {
  const places = [...message.matchAll(/^f\.yaml:(\d+):(\d+): ./gm)];
  assert.ok(places.length > 0, message);
  const lines = text.split('\n');
  for (const [, line, column] of places) {
    assert.ok(Number(line) >= 1 && Number(line) <= lines.length, message);
    assert.ok(Number(column) >= 1 && Number(column) <= lines[Number(line) - 1]!.length + 1, message);
  }
}

describe('a configuration that is spoilt', () => {
  test('is refused with the places of its mistakes, or applied, and nothing in between', async () => {
    let [refused, applied] = [0, 0];
    await fc.assert(
      fc.asyncProperty(spoiltText, spoiltText, async (first, second) => {
        const nets: Net[] = [];
        const director = await open(await newNamespaces((net) => nets.push(net)));
        for (const text of [first, second]) {
          const source = { text, file: 'f.yaml' };
          const before = await stateOf(director);
          const planned = await refusal(() => director.execute('config.plan', source));
          const message = await refusal(() => director.execute('config.apply', source));
          if (planned !== undefined) assertPlaces(planned, text);
          if (message === undefined) {
            applied++;
            assert.equal(planned, undefined);
            assert.deepEqual((await director.execute('config.plan', source)).changes, []);
            assert.equal(await refusal(() => director.execute('config.merge', source)), undefined);
          } else {
            refused++;
            assert.deepEqual(await stateOf(director), before);
          }
          for (const { ipvs } of nets) assertInvariants(ipvs);
        }
      }),
      { numRuns: 80 },
    );
    assert.ok(refused > 20 && applied > 20, `${refused} refused, ${applied} applied`);
  });

  test('is checked alike', async () => {
    await fc.assert(
      fc.asyncProperty(spoiltText, async (text) => {
        const message = await refusal(() => checkConfig(text, 'f.yaml'));
        if (message !== undefined) assertPlaces(message, text);
      }),
      { numRuns: 80 },
    );
  });

  for (const [name, text] of Object.entries(HARD_TEXTS)) {
    test(`${name}: read in time, or refused`, async () => {
      const begin = performance.now();
      const message = await refusal(() => new ConfigReader().read(text, 'f.yaml'));
      if (message !== undefined) assertPlaces(message, text);
      const ms = performance.now() - begin;
      assert.ok(ms < PATIENCE, `${Math.round(ms)} ms`);
      assert.ok((message?.length ?? 0) < 100_000, `a message of ${message?.length} characters`);
    });
  }
});
