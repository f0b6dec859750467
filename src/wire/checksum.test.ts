import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { viewOf } from '../../test/support/bytes.js';
import { csum, ip4 } from '../../test/support/packets.js';
import {
  checksum,
  checksumAdd,
  checksumFold,
  checksumUpdate,
  delta16,
  delta32,
  ipv4ChecksumOk,
  ipv4SetChecksum,
  partialUpdate,
  pseudoSum4,
  pseudoSum6,
} from './checksum.js';

const word = fc.nat(0xffff);
const word32 = fc.nat(0xffff_ffff);

/** The sum of 16-bit words, complemented, without any trick. */
function byTheBook(bytes: Uint8Array): number {
  return csum(bytes);
}

describe('checksum', () => {
  it('is that of RFC 1071, for any bytes at any offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(17), (bytes, offset) => {
        const buffer = new Uint8Array(offset + bytes.length + 3).fill(0xa5);
        buffer.set(bytes, offset);
        assert.equal(checksum(viewOf(buffer), offset, bytes.length), byTheBook(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not overflow on the largest packet', () => {
    for (const length of [65_535, 65_534, 65_533, 65_532, 65_521]) {
      const bytes = new Uint8Array(length).fill(0xff);
      assert.equal(checksum(viewOf(bytes), 0, length), byTheBook(bytes));
    }
  });

  it('may be computed in pieces of even length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (bytes, at) => {
        const cut = Math.min(2 * at, bytes.length & ~1);
        const v = viewOf(bytes);
        const sum = checksumAdd(v, cut, bytes.length - cut, checksumAdd(v, 0, cut));
        assert.equal(~checksumFold(sum) & 0xffff, byTheBook(bytes));
      }),
    );
  });

  it('folds sums of any width', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (sum) => {
        const folded = checksumFold(sum);
        assert.equal(folded % 0xffff, sum % 0xffff);
        assert.ok(folded <= 0xffff);
        assert.equal(folded === 0, sum === 0, 'only 0 folds to 0');
      }),
    );
  });
});

describe('incremental update (RFC 1624)', () => {
  it('equals a new checksum, after any change of words', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 60 }), word32, word, (bytes, to32, to16) => {
        const v = viewOf(bytes);
        v.setUint16(0, 0);
        const before = checksum(v, 0, bytes.length);
        const delta = delta32(v.getInt32(4), to32) + delta16(v.getUint16(8), to16);
        v.setUint32(4, to32);
        v.setUint16(8, to16);
        const updated = checksumUpdate(before, delta);
        // 0 and 0xffff are the same number in one's complement
        assert.equal(updated % 0xffff, checksum(v, 0, bytes.length) % 0xffff);
      }),
    );
  });

  it('takes signed and unsigned words for the same', () => {
    fc.assert(fc.property(word32, word32, (a, b) => assert.equal(delta32(a, b), delta32(a | 0, b | 0))));
  });

  it('gives the example of RFC 1624 section 4: never 0xffff where a sender would write 0', () => {
    assert.equal(checksumUpdate(0xdd2f, delta16(0x5555, 0x3285)), 0x0000);
  });

  it('keeps a partial sum a partial sum', () => {
    fc.assert(
      fc.property(word, word32, word32, (sum, from, to) => {
        const updated = partialUpdate(sum, delta32(from, to));
        const plain = (n: number) => (n >>> 16) + (n & 0xffff);
        assert.equal(updated % 0xffff, (sum + 2 * 0xffff - plain(from) + plain(to)) % 0xffff);
        assert.ok(updated <= 0xffff);
      }),
    );
  });
});

describe('pseudo headers', () => {
  it('sum addresses, protocol and length', () => {
    const v4 = viewOf(ip4('10.1.2.3', '250.251.252.253', 6, new Uint8Array(0)));
    assert.equal(
      checksumFold(pseudoSum4(v4, 0, 6, 1234)),
      checksumFold(0x0a01 + 0x0203 + 0xfafb + 0xfcfd + 6 + 1234),
    );
    const v6 = new DataView(new ArrayBuffer(40));
    v6.setUint16(8, 0xfd00);
    v6.setUint16(38, 0x0101);
    assert.equal(checksumFold(pseudoSum6(v6, 0, 17, 70_000)), checksumFold(0xfd00 + 0x0101 + 17 + 70_000));
  });
});

describe('ipv4ChecksumOk', () => {
  it('says that a header is right when it sums up to nothing, and only then', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 60, maxLength: 60 }),
        fc.integer({ min: 5, max: 15 }),
        word,
        (bytes, words, damage) => {
          const length = words * 4;
          assert.equal(ipv4ChecksumOk(viewOf(bytes), 0, length), csum(bytes.subarray(0, length)) === 0);
          ipv4SetChecksum(viewOf(bytes), 0, length);
          assert.equal(ipv4ChecksumOk(viewOf(bytes), 0, length), true);
          viewOf(bytes).setUint16(4, viewOf(bytes).getUint16(4) ^ damage);
          assert.equal(ipv4ChecksumOk(viewOf(bytes), 0, length), csum(bytes.subarray(0, length)) === 0);
        },
      ),
    );
    assert.equal(ipv4ChecksumOk(viewOf(new Uint8Array(20)), 0, 20), false);
  });
});

describe('ipv4SetChecksum', () => {
  it('writes what makes the header sum up to nothing, options included', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 60, maxLength: 60 }),
        fc.integer({ min: 5, max: 15 }),
        (bytes, words) => {
          ipv4SetChecksum(viewOf(bytes), 0, words * 4);
          assert.equal(csum(bytes.subarray(0, words * 4)), 0);
        },
      ),
    );
  });
});
