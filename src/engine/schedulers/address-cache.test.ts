/** How the table of lblc and lblcr grows and forgets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AF_INET, AF_INET6, inet4, parseInet } from '../../wire/inet.js';
import { AddressCache } from './address-cache.js';

const HZ = 100;
const MINUTE = 60 * HZ;
const DAY = 86_400 * HZ;
const MAX_SIZE = 16_384;

/** A table of IPv4 addresses 0 to n-1, last used at jiffies 0, and what it has let go of. */
function filled(n: number): { cache: AddressCache<number>; released: number[] } {
  const released: number[] = [];
  const cache = new AddressCache<number>(AF_INET, (value) => released.push(value));
  for (let i = 0; i < n; i++) cache.add(inet4(i).words, i, 0);
  return { cache, released };
}

describe('AddressCache', () => {
  it('finds what was added by the whole address', () => {
    const cache = new AddressCache<string>(AF_INET6, () => {});
    const a = parseInet('fd00:1::1')!.words;
    // equal when folded, so in the same bucket
    const b = parseInet('1::fd00:1')!.words;
    cache.add(a, 'a', 0);
    assert.equal(cache.find(b, 0), null);
    cache.add(b, 'b', 0);
    assert.equal(cache.find(a, 0)?.value, 'a');
    assert.equal(cache.find(b, 0)?.value, 'b');
  });

  it('keeps its own copy of an address', () => {
    const { cache } = filled(0);
    const words = inet4(5).words;
    cache.add(words, 1, 0);
    words[0] = 6;
    assert.equal(cache.find(inet4(5).words, 0)?.value, 1);
  });

  it('lets go of everything when flushed', () => {
    const { cache, released } = filled(100);
    cache.flush();
    assert.equal(cache.size, 0);
    assert.equal(released.length, 100);
    assert.equal(cache.find(inet4(1).words, 0), null);
  });

  it('forgets each half hour what was not used for the expiration time, to the tick', () => {
    const { cache, released } = filled(3);
    cache.find(inet4(1).words, 1);
    const expiration = 30 * MINUTE;
    for (let minute = 1; minute < 30; minute++) cache.collect(minute * MINUTE, HZ, expiration);
    assert.equal(cache.size, 3);
    cache.collect(30 * MINUTE, HZ, expiration);
    assert.deepEqual(released.sort(), [0, 2]);
    for (let minute = 31; minute < 60; minute++) cache.collect(minute * MINUTE, HZ, expiration);
    assert.equal(cache.size, 1);
    cache.collect(60 * MINUTE, HZ, expiration);
    assert.equal(cache.size, 0);
  });

  it('keeps the other entries of a bucket', () => {
    const cache = new AddressCache<number>(AF_INET6, () => {});
    const words = ['0:7::', '0:0:0:7::', '::7:0:0', '::7'].map((text) => parseInet(text)!.words);
    words.forEach((w, i) => {
      cache.add(w, i, 0);
    });
    for (const i of [0, 1, 3]) cache.find(words[i]!, 1);
    for (let n = 0; n < 30; n++) cache.collect(DAY, HZ, DAY);
    assert.deepEqual(
      words.map((w) => cache.find(w, 0)?.value),
      [0, 1, undefined, 3],
    );
  });

  it('works across the wrap of jiffies', () => {
    const { cache } = filled(0);
    cache.add(inet4(1).words, 1, 0x7fff_ffff);
    for (let minute = 1; minute <= 30; minute++) cache.collect((0x7fff_ffff + minute) | 0, HZ, DAY);
    assert.equal(cache.size, 1);
  });

  it('removes early, when it is too large, a third more than it has too many, of what was unused for six minutes', () => {
    const { cache } = filled(MAX_SIZE + 300);
    cache.collect(6 * MINUTE - 1, HZ, DAY);
    assert.equal(cache.size, MAX_SIZE + 300);
    cache.collect(6 * MINUTE, HZ, DAY);
    // 400 and the rest of the last bucket, which has some 16
    assert.ok(cache.size <= MAX_SIZE - 100 && cache.size > MAX_SIZE - 140, String(cache.size));
    const after = cache.size;
    cache.collect(7 * MINUTE, HZ, DAY);
    assert.equal(cache.size, after);
  });

  it('goes round: the next collection begins where the last one ended', () => {
    const { cache, released } = filled(MAX_SIZE + 3);
    cache.collect(6 * MINUTE, HZ, DAY);
    const first = [...released];
    released.length = 0;
    for (const i of first) cache.add(inet4(i).words, i, 0);
    cache.collect(6 * MINUTE, HZ, DAY);
    assert.ok(released.length > 0);
    assert.ok(released.every((i) => !first.includes(i)));
  });

  it('says that it is full at one and a half times that size', () => {
    const { cache } = filled(1.5 * MAX_SIZE - 1);
    assert.equal(cache.full, false);
    cache.add(inet4(-1).words, -1, 0);
    assert.equal(cache.full, true);
  });
});
