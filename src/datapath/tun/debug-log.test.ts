import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debugLog } from './debug-log.js';

test('a thousand lines a second are shown, and how many were not', () => {
  const lines: string[] = [];
  let now = 0;
  const show = debugLog(
    (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    () => now,
  );
  for (let i = 0; i < 1500; i++) show(`text ${i}`);
  assert.equal(lines.length, 1000);
  assert.equal(lines.at(-1), 'info debug {"text":"text 999"}');
  now = 1000;
  show('next');
  assert.deepEqual(lines.slice(1000), [
    'warn debug: too much to show {"lines":500}',
    'info debug {"text":"next"}',
  ]);
});
