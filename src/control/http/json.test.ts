import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJson } from './json.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('JSON from anybody', () => {
  test('is what JSON.parse makes of it', () => {
    for (const value of [null, 1, 'x', [], {}, { a: [{ b: [1, 'y'] }] }])
      assert.deepEqual(parseJson(JSON.stringify(value)), value);
  });

  test('is refused when it is none', () => {
    assert.throws(() => parseJson('{'), { code: 'BAD_REQUEST', field: 'body' });
  });

  test('is refused when it is nested deeper than anything that is meant', () => {
    assert.ok(parseJson(nested(64)));
    for (const depth of [65, 1_000_000])
      assert.throws(() => parseJson(nested(depth)), {
        code: 'BAD_REQUEST',
        message: /nested more than 64 deep/,
      });
  });
});
