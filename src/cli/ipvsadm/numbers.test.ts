import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { counter, leadingInteger, parseNumber } from './numbers.js';

test('numbers are decimal, with blanks and a sign before and nothing behind, within bounds', () => {
  for (const [text, value] of Object.entries({
    '7': 7,
    '010': 10,
    ' +8': 8,
    '-0': 0,
    '\t9': 9,
    '65535': 65535,
  })) {
    assert.equal(parseNumber(text, 0, 65535), value, text);
  }
  for (const text of ['', ' ', '-1', '65536', '7 ', '0x7', '7x', '1.5', '1e3', '--1', '9'.repeat(30)]) {
    assert.equal(parseNumber(text, 0, 65535), undefined, text);
  }
});

test('prefix lengths are read as atoi() does: what follows is ignored, and 64 bits are cut to 32', () => {
  const values = { '64': 64, ' 65y': 65, '+66': 66, '0x40': 0, abc: 0, '': 0, '-1': -1 };
  for (const [text, value] of Object.entries(values)) assert.equal(leadingInteger(text), value, text);
  assert.equal(leadingInteger('4294967360'), 64);
  assert.equal(leadingInteger('-4294967232'), 64);
  assert.equal(leadingInteger('99999999999999999999'), -1);
  assert.equal(leadingInteger('-99999999999999999999'), 0);
});

test('counters have nine columns, in full below 100 million', () => {
  assert.equal(counter(0, false), '        0');
  assert.equal(counter(99_999_999, false), ' 99999999');
  assert.equal(counter(99_999_999, true), ' 99999999');
});

test('longer counters are cut to thousands, millions, milliards and billions', () => {
  assert.equal(counter(100_000_000, false), '  100000K');
  assert.equal(counter(999_999_999, false), '  999999K');
  assert.equal(counter(1_000_000_000, false), '    1000M');
  assert.equal(counter(99_999_999_999, false), '   99999M');
  assert.equal(counter(100_000_000_000, false), '     100G');
  assert.equal(counter(99_999_999_999_999, false), '   99999G');
  assert.equal(counter(100_000_000_000_000, false), '     100T');
});

test('exact counters are in full and never touch what stands before them', () => {
  assert.equal(counter(100_000_000, true), ' 100000000');
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      assert.match(counter(value, true), /^ +\d+$/);
      assert.equal(Number(counter(value, true)), value);
      assert.equal(counter(value, false).length, 9);
    }),
  );
});
