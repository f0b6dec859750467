import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IpvsError } from '../errors.js';
import type { ServiceKey } from './command.js';
import { destId, parseDestId, parseServiceId, serviceId } from './resource-id.js';

describe('a service as one word', () => {
  const pairs: [string, ServiceKey][] = [
    ['tcp:10.1.0.100:80', { protocol: 'tcp', address: '10.1.0.100', port: 80 }],
    ['udp:[fd00:1::100]:53', { protocol: 'udp', address: 'fd00:1::100', port: 53 }],
    ['sctp:10.1.0.100:0', { protocol: 'sctp', address: '10.1.0.100', port: 0 }],
    ['fwmark:7', { fwmark: 7, family: 'inet' }],
    ['fwmark:4294967295:inet6', { fwmark: 4294967295, family: 'inet6' }],
  ];
  for (const [word, key] of pairs) {
    test(word, () => {
      assert.equal(serviceId(key), word);
      assert.deepEqual(parseServiceId(word, 'service'), key);
    });
  }

  const wrong: [string, string][] = [
    ['', 'service: "" is not a service such as tcp:10.1.0.100:80 or fwmark:7'],
    ['tcp', 'service: "tcp" is not a service such as tcp:10.1.0.100:80 or fwmark:7'],
    ['tcp:fd00::1:80', 'service: "tcp:fd00::1:80" is not a service such as tcp:10.1.0.100:80 or fwmark:7'],
    ['icmp:10.1.0.100:80', 'service.protocol: "icmp" is not a protocol (tcp, udp, sctp)'],
    ['tcp:10.1.0.300:80', 'service.address: "10.1.0.300" is not an IPv4 or IPv6 address'],
    ['tcp:10.1.0.100:99999', 'service.port: 99999 is not a port (0..65535)'],
    ['fwmark:0', 'service.fwmark: 0 is not a firewall mark (1..4294967295)'],
  ];
  for (const [word, message] of wrong) {
    test(`not: ${word}`, () =>
      assert.throws(() => parseServiceId(word, 'service'), { name: 'IpvsError', message }));
  }
});

describe('a real server as one word', () => {
  for (const [word, key] of [
    ['10.2.0.11:80', { address: '10.2.0.11', port: 80 }],
    ['[fd00:2::11]:0', { address: 'fd00:2::11', port: 0 }],
  ] as const) {
    test(word, () => {
      assert.equal(destId(key), word);
      assert.deepEqual(parseDestId(word, 'dest'), key);
    });
  }
  test('not: 10.2.0.11', () =>
    assert.throws(() => parseDestId('10.2.0.11', 'dest'), {
      message: 'dest: "10.2.0.11" is not a real server such as 10.2.0.11:80',
    }));
});

test('any word is read or refused', () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      for (const parse of [parseServiceId, parseDestId]) {
        try {
          parse(word, 'id');
        } catch (error) {
          assert.ok(error instanceof IpvsError && error.field?.startsWith('id'));
        }
      }
    }),
  );
});
