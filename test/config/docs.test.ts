import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { parse } from 'yaml';
import { convertRules } from '../../src/cli/convert/ipvsadm.js';
import { systemNames } from '../../src/cli/ipvsadm/system-names.js';
import { checkConfig } from '../../src/daemon/config/check.js';
import { configShape } from '../../src/daemon/config/config.js';
import { configSchema } from '../../src/daemon/config/json-schema.js';
import { configText } from '../../src/daemon/config/yaml-text.js';
import { anyConfig } from './support.js';

const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const blocks = (text: string, kind: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block]) => block!);

const schema = JSON.parse(JSON.stringify(configSchema()));
const accepts = new Ajv2020({ allowUnionTypes: true, strict: false }).compile(schema);

describe('the published schema', () => {
  test('docs/ipvsd.schema.json is what "ipvsd schema" prints', () => {
    assert.deepEqual(
      JSON.parse(page('ipvsd.schema.json')),
      schema,
      'run: bin/ipvsd schema > docs/ipvsd.schema.json',
    );
  });

  test('accepts what is read', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        assert.ok(accepts(config), JSON.stringify(accepts.errors));
      }),
      { numRuns: 500 },
    );
  });

  test('refuses mistakes', () => {
    for (const config of [
      { conLimit: 1 },
      { table: 'x' },
      { sysctl: { drop_entri: 1 } },
      { services: [{ fwmark: 0 }] },
      { services: [{ fwmark: 1, dests: [{ port: 1 }] }] },
      { vips: [{ address: '10.0.0.1' }] },
    ]) {
      assert.equal(accepts(config), false, JSON.stringify(config));
      assert.throws(() => configShape.read(config, ''));
    }
  });
});

describe('the documentation', () => {
  for (const name of ['configuration.md', 'health.md', 'migrate.md']) {
    for (const [i, block] of blocks(page(name), 'yaml').entries()) {
      test(`${name}: example ${i + 1} is good`, async () => {
        await checkConfig(block, name);
        assert.ok(accepts(parse(block)), JSON.stringify(accepts.errors));
      });
    }
  }

  test('configuration.md and health.md name every key', () => {
    const names = new Set<string>();
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, entry] of Object.entries(value)) {
        // sysctls have their own page
        if (key === 'sysctl') continue;
        if (key === 'properties') for (const name of Object.keys(entry as object)) names.add(name);
        collect(entry);
      }
    };
    collect(schema);
    assert.ok(names.size > 40);
    const text = page('configuration.md') + page('health.md');
    for (const name of names) assert.ok(text.includes(`\`${name}\``), name);
  });

  test('migrate.md: the rules become what the page shows', async () => {
    const text = page('migrate.md');
    const config = await convertRules(blocks(text, 'text')[0]!, 'rules', systemNames(), (_, remark) =>
      assert.fail(remark),
    );
    assert.equal(configText(config), blocks(text, 'yaml')[0]);
  });
});
