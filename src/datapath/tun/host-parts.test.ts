import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type KernelRoute, RTN_BROADCAST, RTN_LOCAL } from '../../linux/rt-route.js';
import { AF_INET, AF_INET6, type InetAddr, inet6, parseInet } from '../../wire/inet.js';
import { IcmpLimit } from './icmp-limit.js';
import { LocalAddresses } from './local-addresses.js';
import { PathMtu } from './path-mtu.js';

const address = (text: string): InetAddr => parseInet(text)!;

function route(text: string, type = RTN_LOCAL): KernelRoute {
  const [host, length] = text.split('/');
  const destination = address(host!);
  const { family } = destination;
  const prefixLength = Number(length ?? (family === AF_INET ? 32 : 128));
  return {
    family,
    type,
    table: 255,
    protocol: 2,
    destination,
    prefixLength,
    ifindex: 1,
    gateway: undefined,
    source: undefined,
    mtu: 0,
  };
}

describe('the addresses of this host', () => {
  const locals = new LocalAddresses();
  locals.replace([
    route('127.0.0.0/8'),
    route('10.0.0.1'),
    route('10.0.0.255', RTN_BROADCAST),
    route('192.0.2.0/25'),
    route('::1'),
    route('2001:db8::1'),
    route('fe80::1'),
    route('2001:db8:1::/65'),
  ]);

  for (const [text, type] of [
    ['10.0.0.1', 'local'],
    ['10.0.0.2', 'unicast'],
    ['10.0.0.255', 'broadcast'],
    ['255.255.255.255', 'broadcast'],
    ['127.9.9.9', 'local'],
    ['192.0.2.127', 'local'],
    ['192.0.2.128', 'unicast'],
    ['224.0.0.1', 'multicast'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['::1', 'local'],
    ['2001:db8::1', 'local'],
    ['2001:db8::2', 'unicast'],
    ['2001:db8:1::7fff:ffff', 'local'],
    ['2001:db8:1:0:8000::', 'unicast'],
    ['fe80::1', 'local'],
    ['fe80::2', 'linklocal'],
    ['ff02::1', 'multicast'],
  ] as const) {
    it(`says that ${text} is ${type}`, () => assert.equal(locals.type(address(text)), type));
  }

  it('finds exactly those IPv6 addresses that it was given, however they collide', () => {
    const word = fc.integer({ min: 0, max: 3 });
    const addresses = fc.array(fc.tuple(word, word, word, word), { maxLength: 60 });
    fc.assert(
      fc.property(addresses, addresses, (own, others) => {
        const some = new LocalAddresses();
        const make = (w: [number, number, number, number]): InetAddr => inet6(...w);
        some.replace(own.map((w) => ({ ...route('::1'), destination: make(w) })));
        const known = new Set(own.map(String));
        for (const w of [...own, ...others])
          assert.equal(some.has(AF_INET6, make(w).words, 0), known.has(String(w)));
      }),
    );
  });
});

describe('learnt path MTUs', () => {
  const far = address('10.9.9.9');

  it('count for ten minutes, and only when they are smaller', () => {
    const mtus = new PathMtu();
    assert.ok(!mtus.learn(far, 1500, 1500, 0));
    assert.ok(mtus.learn(far, 1400, 1500, 0));
    assert.ok(!mtus.learn(far, 1450, 1400, 0));
    assert.equal(mtus.apply(far, 1500), 1400);
    assert.equal(mtus.apply(far, 1300), 1300);
    assert.equal(mtus.apply(address('10.9.9.8'), 1500), 1500);
    assert.ok(!mtus.expire(599_999));
    assert.ok(mtus.expire(600_000));
    assert.equal(mtus.apply(far, 1500), 1500);
  });

  it('are not believed below what every path must carry', () => {
    const mtus = new PathMtu();
    mtus.learn(far, 68, 1500, 0);
    assert.equal(mtus.apply(far, 1500), 552);
    mtus.learn(address('2001:db8::1'), 100, 1500, 0);
    assert.equal(mtus.apply(address('2001:db8::1'), 1500), 1280);
  });

  it('fill no memory when they are forged', () => {
    const mtus = new PathMtu();
    for (let i = 0; i < 5000; i++) mtus.learn(inet6(1, 2, 3, i), 1300, 1500, 0);
    assert.equal(mtus.apply(inet6(1, 2, 3, 0), 1500), 1500);
    assert.equal(mtus.apply(inet6(1, 2, 3, 4999), 1500), 1300);
  });
});

describe('the limit on ICMP errors', () => {
  const client = address('192.0.2.1');

  it('lets six go at once and then one a second, for each destination', () => {
    const limit = new IcmpLimit();
    const allowed = (now: number, to = client): boolean => limit.allow(to, 3, 3, now);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7].map(() => allowed(0)),
      [true, true, true, true, true, true, false],
    );
    assert.ok(!allowed(999));
    assert.ok(allowed(1000));
    assert.ok(!allowed(1000));
    assert.ok(allowed(1000, address('192.0.2.2')));
  });

  it('spares path MTU discovery', () => {
    const limit = new IcmpLimit();
    for (let i = 0; i < 100; i++) {
      assert.ok(limit.allow(client, 3, 4, 0));
      assert.ok(limit.allow(address('2001:db8::1'), 2, 0, 0));
    }
  });
});
