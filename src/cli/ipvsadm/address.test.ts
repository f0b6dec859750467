import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { inet4, inetToString } from '../../wire/inet.js';
import { inetAton, parseHostPort } from './address.js';
import { namesFrom } from './name-files.js';

const names = namesFrom('10.0.0.9 vip.example.com vip\nfd00::9 vip6', 'http 80/tcp www\nsyslog 514/udp');

async function read(text: string, protocol: 'tcp' | 'udp' | undefined = 'tcp'): Promise<string | undefined> {
  const found = await parseHostPort(text, protocol, names);
  return found && `${found.address} ${found.port}`;
}

describe('host[:port]', () => {
  const good: Record<string, string> = {
    '10.1.0.100:80': '10.1.0.100 80',
    '10.1.0.100': '10.1.0.100 undefined',
    '10.1.0.100:0': '10.1.0.100 0',
    'vip:http': '10.0.0.9 80',
    'VIP.example.com:www': '10.0.0.9 80',
    '0:80': '0.0.0.0 80',
    '0x0a000001:80': '10.0.0.1 80',
    '10.1:80': '10.0.0.1 80',
    '10.0.0.1 or so:80': '10.0.0.1 80',
    '[fd00::1]:80': 'fd00::1 80',
    '[FD00:0::1]:http': 'fd00::1 80',
    'fd00::1': 'fd00::1 undefined',
    'fd00::1:80': 'fd00::1:80 undefined',
    '[10.1.0.100]:80': '10.1.0.100 undefined',
  };
  for (const [text, expected] of Object.entries(good)) {
    test(`${text} is read`, async () => assert.equal(await read(text), expected));
  }

  const bad = [
    '',
    '80',
    ':80',
    ':',
    '10.1.0.100:',
    '10.1.0.100:65536',
    '10.1.0.100:-1',
    '10.1.0.100:nosuch',
    '10.1.0.100:syslog',
    '10.1.0.100:80:80',
    '10.1.0.300:80',
    '*:80',
    'vip6:80',
    '[fd00::1]',
    '[fd00::1]:',
    '[fd00::1]80',
    '[fd00::1',
    '[]:80',
    'fe80::1%lo',
  ];
  for (const text of bad) test(`"${text}" is refused`, async () => assert.equal(await read(text), undefined));

  test('ports have names by protocol, and none before the protocol is known', async () => {
    assert.equal(await read('vip:syslog', 'udp'), '10.0.0.9 514');
    assert.equal(await parseHostPort('vip:http', undefined, names), undefined);
  });

  test('any text is either an address or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        const found = await parseHostPort(text, 'tcp', names);
        if (found?.port !== undefined) assert.ok(found.port >= 0 && found.port <= 65535);
      }),
    );
  });
});

describe('inet_aton', () => {
  test('takes one to four parts in three bases; the last fills the rest', () => {
    const text = (value: number | undefined) => value !== undefined && inetToString(inet4(value | 0));
    assert.equal(text(inetAton('255.255.255.255')), '255.255.255.255');
    assert.equal(text(inetAton('4294967295')), '255.255.255.255');
    assert.equal(text(inetAton('10.2.13')), '10.2.0.13');
    assert.equal(text(inetAton('012.0x2.0.041')), '10.2.0.33');
    for (const bad of [
      '',
      '1.2.3.4.5',
      '256.1.1.1',
      '4294967296',
      '1.16777216',
      '08.1.1.1',
      '0x',
      '10.',
      ' 1.2.3.4',
    ]) {
      assert.equal(inetAton(bad), undefined, bad);
    }
  });

  test('reads back every dotted quad', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), (value) =>
        assert.equal(inetAton(inetToString(inet4(value | 0))), value),
      ),
    );
  });
});
