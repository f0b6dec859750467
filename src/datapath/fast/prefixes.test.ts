import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KernelRoute, RTN_LOCAL, RTN_UNICAST } from '../../linux/rt-route.js';
import { inetToString, parseInet } from '../../wire/inet.js';
import { contains, type Prefix, surroundings } from './prefixes.js';

function route(prefix: string, via?: string, type = RTN_UNICAST): KernelRoute {
  const [address, length] = prefix.split('/');
  const destination = parseInet(address!)!;
  const gateway = via === undefined ? undefined : parseInet(via)!;
  return {
    family: destination.family,
    type,
    table: 254,
    protocol: 4,
    destination,
    prefixLength: Number(length),
    ifindex: 2,
    gateway,
    source: undefined,
    mtu: 0,
  };
}

const text = ({ address, length }: Prefix): string => `${inetToString(address)}/${length}`;

function around(routes: readonly KernelRoute[], client: string): readonly string[] | undefined {
  const found = surroundings(routes, parseInet(client)!);
  return found && [text(found.prefix), ...found.holes.map(text)];
}

const ROUTES = [
  route('0.0.0.0/0', '10.0.0.1'),
  route('10.0.0.0/24'),
  route('10.0.0.7/32', undefined, RTN_LOCAL),
  route('192.168.0.0/16', '10.0.0.2'),
  route('192.168.7.0/24', '10.0.0.3'),
];

test('a client behind a router stands for all that the same route is for', () => {
  assert.deepEqual(around(ROUTES, '192.168.1.1'), ['192.168.0.0/16', '192.168.7.0/24']);
  assert.deepEqual(around(ROUTES, '192.168.7.1'), ['192.168.7.0/24']);
  const holes = ['10.0.0.0/24', '10.0.0.7/32', '192.168.0.0/16', '192.168.7.0/24'];
  assert.deepEqual(around(ROUTES, '8.8.8.8'), ['0.0.0.0/0', ...holes]);
});

test('a neighbour stands for itself alone', () => {
  assert.equal(around(ROUTES, '10.0.0.9'), undefined);
  assert.equal(around([], '10.0.0.9'), undefined);
});

test('where the kernel has a choice nobody stands for others', () => {
  const again = route('192.168.0.0/16', '10.0.0.4');
  assert.equal(around([...ROUTES, again], '192.168.1.1'), undefined);
  assert.deepEqual(around([...ROUTES, again], '192.168.7.1'), ['192.168.7.0/24']);
});

test('prefixes of IPv6 end at any bit', () => {
  const routes = [route('::/0', 'fe80::1'), route('2001:db8:8000::/33', 'fe80::2')];
  assert.deepEqual(around(routes, '2001:db8:9000::1'), ['2001:db8:8000::/33']);
  assert.deepEqual(around(routes, '2001:db8:7000::1'), ['::/0', '2001:db8:8000::/33']);
  assert.equal(contains(parseInet('2001:db8::')!, 32, parseInet('10.0.0.1')!), false);
});
