import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesFrom } from './name-files.js';
import { addrPortName } from './names.js';

const hosts =
  '# hosts\n127.0.0.1\tlocalhost vm # this machine\n10.0.0.1 first\n10.0.0.1 second\n::1 localhost six\n';
const services = 'http 80/tcp www\nhttp-alt 80/tcp\nshell 514/tcp cmd syslog\nsyslog 514/udp\n#x 1/tcp\n';
const names = namesFrom(hosts, services);

test('addresses have the first name of their first line', async () => {
  assert.equal(await names.host('10.0.0.1'), 'first');
  assert.equal(await names.host('::1'), 'localhost');
  assert.equal(await names.host('10.0.0.2'), undefined);
});

test('names and aliases have IPv4 addresses, in any case of letters', async () => {
  assert.equal(await names.addressByName('LocalHost'), '127.0.0.1');
  assert.equal(await names.addressByName('vm'), '127.0.0.1');
  assert.equal(await names.addressByName('six'), undefined);
});

test('ports have names by protocol, and names and aliases have ports, in this case of letters', async () => {
  assert.equal(await names.service(80, 'tcp'), 'http');
  assert.equal(await names.service(80, 'udp'), undefined);
  assert.equal(await names.portByName('www', 'tcp'), 80);
  assert.equal(await names.portByName('WWW', 'tcp'), undefined);
  assert.equal(await names.portByName('syslog', 'tcp'), 514);
  assert.equal(await names.portByName('x', 'tcp'), undefined);
});

test('a listing has names where there are any, and no more than 59 characters of them', async () => {
  assert.equal(await addrPortName(names, '10.0.0.1', 80, 'tcp'), 'first:http');
  assert.equal(await addrPortName(names, '::1', 81, 'tcp'), '[localhost]:81');
  assert.equal(await addrPortName(names, '10.0.0.1', 80, undefined), 'first:80');
  assert.equal(await addrPortName(undefined, 'fd00::1', 80, 'tcp'), '[fd00::1]:80');
  const long = namesFrom(`10.0.0.3 ${'a'.repeat(70)}`, '');
  assert.equal(await addrPortName(long, '10.0.0.3', 80, 'tcp'), 'a'.repeat(59));
});
