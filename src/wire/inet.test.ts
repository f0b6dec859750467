import assert from 'node:assert/strict';
import { isIP, isIPv4 } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  AF_INET,
  AF_INET6,
  anyAddr,
  type InetAddr,
  inet4,
  inet6,
  inetBytes,
  inetCompare,
  inetEqual,
  inetFromBytes,
  inetFromWords,
  inetIsAny,
  inetToString,
  parseInet,
} from './inet.js';

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
/** Words with many zeros, so that runs of zero groups come up. */
const sparse = fc.oneof(int32, fc.constantFrom(0, 1, 0x1_0000, 0xffff, -0x1_0000, 0x0001_0001));
const addr4 = int32.map(inet4);
const addr6 = fc.tuple(sparse, sparse, sparse, sparse).map((w) => inet6(...w));
const anyInet: fc.Arbitrary<InetAddr> = fc.oneof(addr4, addr6);
/** Texts that are addresses, or nearly. */
const nearly = fc.oneof(
  anyInet.map(inetToString),
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc
    .array(fc.constantFrom('0', '1', 'f', 'ffff', ':', '::', '.', '255', '256', '01', '%', ' ', 'g'), {
      maxLength: 20,
    })
    .map((p) => p.join('')),
);

describe('parseInet', () => {
  it('accepts what node:net accepts, apart from zones', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        const family = { 0: undefined, 4: AF_INET, 6: AF_INET6 }[text.includes('%') ? 0 : isIP(text)];
        assert.equal(parseInet(text)?.family, family, text);
      }),
      { numRuns: 5000 },
    );
  });

  it('reads back what inetToString writes', () => {
    fc.assert(
      fc.property(anyInet, (a) => assert.deepEqual(parseInet(inetToString(a)), a)),
      { numRuns: 2000 },
    );
  });

  it('reads the forms of RFC 4291', () => {
    assert.deepEqual(parseInet('::'), anyAddr(AF_INET6));
    assert.deepEqual(parseInet('2001:DB8::8:800:200C:417A'), inet6(0x2001_0db8, 0, 0x0008_0800, 0x200c_417a));
    assert.deepEqual(parseInet('::FFFF:129.144.52.38'), inet6(0, 0, 0xffff, 0x8190_3426));
    assert.deepEqual(parseInet('1::'), inet6(0x0001_0000, 0, 0, 0));
  });

  it('refuses shorthands that inet_aton would take', () => {
    for (const text of [
      '1',
      '1.2',
      '1.2.3',
      '01.2.3.4',
      '0x1.2.3.4',
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4\n',
      '1.2.3.256',
    ]) {
      assert.equal(parseInet(text), undefined, JSON.stringify(text));
    }
  });
});

describe('inetToString', () => {
  it('writes as inet_ntop does', () => {
    const cases: [InetAddr, string][] = [
      [inet4(0), '0.0.0.0'],
      [inet4(-1), '255.255.255.255'],
      [inet4(0x0a01_0064), '10.1.0.100'],
      [inet6(0, 0, 0, 0), '::'],
      [inet6(0, 0, 0, 1), '::1'],
      [inet6(0xfd00_0001, 0, 0, 0x0100), 'fd00:1::100'],
      // of two longest runs the first, and never a single group
      [inet6(0x2001_0db8, 0, 0x0001_0000, 0x0000_0001), '2001:db8::1:0:0:1'],
      [inet6(0x2001_0db8, 0x0000_0001, 0x0001_0001, 0x0001_0001), '2001:db8:0:1:1:1:1:1'],
      [inet6(0x0001_0000, 0, 0, 0), '1::'],
      // addresses that hold an IPv4 address
      [inet6(0, 0, 0xffff, 0x0a01_0064), '::ffff:10.1.0.100'],
      [inet6(0, 0, 0, 0x0a01_0064), '::10.1.0.100'],
      [inet6(0, 0, 0xffff, 0), '::ffff:0.0.0.0'],
      [inet6(0, 0, 0, 0xffff), '::ffff'],
    ];
    for (const [a, text] of cases) assert.equal(inetToString(a), text);
  });

  it('writes IPv6 in the shortest form', () => {
    fc.assert(
      fc.property(addr6, (a) => {
        const text = inetToString(a);
        if (text.includes('.')) return;
        const compressed = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        assert.equal(text, compressed);
      }),
    );
  });
});

describe('addresses', () => {
  it('go to network order and back', () => {
    fc.assert(
      fc.property(anyInet, fc.nat(5), (a, at) => {
        const bytes = inetBytes(a);
        assert.equal(bytes.length, a.family === AF_INET ? 4 : 16);
        const buffer = new Uint8Array(at + bytes.length);
        buffer.set(bytes, at);
        assert.deepEqual(inetFromBytes(a.family, buffer, at), a);
        assert.deepEqual(inetFromBytes(a.family, buffer.subarray(at)), a);
        if (isIPv4(inetToString(a))) assert.equal(inetToString(a), bytes.join('.'));
      }),
    );
  });

  it('are copied, not shared', () => {
    const words = Int32Array.of(7, 1, 2, 3, 4);
    const a = inetFromWords(AF_INET6, words, 1);
    const b = inetFromWords(AF_INET, words, 1);
    words.fill(0);
    assert.deepEqual(a, inet6(1, 2, 3, 4));
    assert.deepEqual(b, inet4(1));
  });

  it('are ordered by family, then as unsigned numbers', () => {
    const text = (a: InetAddr) =>
      `${a.family + 10}:${inetBytes(a)
        .join(' ')
        .replace(/\d+/g, (n) => n.padStart(3, '0'))}`;
    fc.assert(
      fc.property(anyInet, anyInet, (a, b) => {
        const [x, y] = [text(a), text(b)];
        assert.equal(Math.sign(inetCompare(a, b)), x < y ? -1 : x > y ? 1 : 0);
        assert.equal(inetEqual(a, b), x === y);
        assert.ok(inetEqual(a, parseInet(inetToString(a))!));
      }),
    );
  });

  it('differ between families even when their words are the same', () => {
    assert.equal(inetEqual(inet4(1), inet6(1, 0, 0, 0)), false);
  });

  it('know the unspecified address', () => {
    assert.ok(inetIsAny(anyAddr(AF_INET)) && inetIsAny(anyAddr(AF_INET6)));
    fc.assert(
      fc.property(anyInet, (a) =>
        assert.equal(
          inetIsAny(a),
          inetBytes(a).every((b) => b === 0),
        ),
      ),
    );
  });
});
