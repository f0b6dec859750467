import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './nearest.js';

const NAMES = ['address', 'port', 'connLimit', 'services', 'a'];

test('a misspelt name is known by two letters that differ at most, whatever their case', () => {
  for (const [word, meant] of [
    ['adress', 'address'],
    ['conlimit', 'connLimit'],
    ['service', 'services'],
    ['prot', undefined],
    ['prt', 'port'],
    ['wieght', undefined],
    ['b', undefined],
    ['', undefined],
    ['adddressss', undefined],
    [`address${'s'.repeat(1e6)}`, undefined],
  ] as const) {
    assert.equal(nearest(word, NAMES), meant, word.slice(0, 20));
  }
});

test('of several the nearest, of equal ones the first', () => {
  assert.equal(nearest('timeout', ['timeouts', 'timeout2', 'time']), 'timeouts');
  assert.equal(nearest('tlsCrt', ['tlsKeys', 'tlsCert']), 'tlsCert');
});
