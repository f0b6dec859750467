import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { inet4, inet6, inetEqual, inetToString, parseInet } from '../../wire/inet.js';
import { cover } from './networks.js';

const texts = (groups: ReturnType<typeof cover>): string[][] =>
  groups.map((networks) => networks.map(({ address, length }) => `${inetToString(address)}/${length}`));
const of = (...addresses: string[]) => addresses.map((text) => parseInet(text)!);

describe('the networks in place of addresses', () => {
  it('are the addresses themselves while there are few', () => {
    assert.deepEqual(texts(cover([of('10.0.0.2', '10.0.0.1')], 2)), [['10.0.0.1/32', '10.0.0.2/32']]);
    assert.deepEqual(texts(cover([of('fd00::1')], 1)), [['fd00::1/128']]);
    assert.deepEqual(cover([[], []], 2), [[], []]);
  });

  it('are the smallest that are few enough, of one size in all groups', () => {
    const hosts = of('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.1');
    assert.deepEqual(texts(cover([hosts], 2)), [['10.0.0.0/30', '10.0.1.0/30']]);
    assert.deepEqual(texts(cover([hosts, of('10.0.0.9')], 4)), [
      ['10.0.0.0/30', '10.0.1.0/30'],
      ['10.0.0.8/30'],
    ]);
    assert.deepEqual(texts(cover([of('fd00::1', 'fd00:0:0:1::1')], 1)), [['fd00::/63']]);
  });

  it('are one a group at least', () => {
    assert.deepEqual(texts(cover([of('1.0.0.1', '200.0.0.1'), of('9.0.0.1')], 1)), [
      ['0.0.0.0/0'],
      ['0.0.0.0/0'],
    ]);
  });

  it('hold every address, no address twice, and would be too many if they were smaller', () => {
    const address = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.nat(300));
    const group4 = fc.uniqueArray(address.map(inet4), { maxLength: 40, comparator: inetEqual });
    const group6 = fc.uniqueArray(
      fc.tuple(address, address).map(([a, b]) => inet6(a, 0, 0, b)),
      { maxLength: 40, comparator: inetEqual },
    );
    const groups = fc.oneof(fc.array(group4, { maxLength: 4 }), fc.array(group6, { maxLength: 4 }));
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 50 }), (given, most) => {
        const found = cover(given, most);
        const total = found.flat().length;
        const taken = given.filter((addresses) => addresses.length > 0).length;
        assert.ok(total <= Math.max(most, taken));
        for (const [i, addresses] of given.entries()) {
          for (const a of addresses) {
            const holders = found[i]!.filter(({ address, length }) =>
              bits(a).startsWith(bits(address).slice(0, length)),
            );
            assert.equal(holders.length, 1);
          }
        }
        const [longer] = found.flat();
        if (longer === undefined || longer.length === bits(longer.address).length) return;
        const smaller = given.map(
          (addresses) => new Set(addresses.map((a) => bits(a).slice(0, longer.length + 1))).size,
        );
        assert.ok(smaller.reduce((sum, n) => sum + n, 0) > most);
      }),
    );
  });
});

function bits({ family, words }: { family: number; words: Int32Array }): string {
  return [...words.subarray(0, family === 2 ? 1 : 4)]
    .map((word) => (word >>> 0).toString(2).padStart(32, '0'))
    .join('');
}
