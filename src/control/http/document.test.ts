import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMAND_NAMES } from '../command-table.js';
import { openApiDocument } from './document.js';
import { ROUTES } from './routes.js';

const root = new URL('../../../../', import.meta.url);
type Document = { paths: Record<string, Record<string, unknown>>; components: { schemas: object } };

test('docs/openapi.json is what "ipvsd openapi" prints', async () => {
  const kept: unknown = JSON.parse(readFileSync(new URL('docs/openapi.json', root), 'utf8'));
  assert.deepEqual(
    JSON.parse(JSON.stringify(await openApiDocument())),
    kept,
    'run: bin/ipvsd openapi > docs/openapi.json',
  );
});

test('the document has every resource and every command', async () => {
  const { paths } = (await openApiDocument()) as Document;
  for (const { method, url } of ROUTES) {
    assert.ok(paths[url.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()], `${method} ${url}`);
  }
  for (const name of COMMAND_NAMES) assert.ok(paths[`/v1/commands/${name}`]?.post, name);
});

test('every reference in the document leads somewhere', async () => {
  const document = (await openApiDocument()) as Document;
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1]!);
  assert.ok(references.length > 20);
  for (const reference of references) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
    assert.ok(name !== undefined && Object.hasOwn(document.components.schemas, name), reference);
  }
});
