import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { IpvsError } from '../../errors.js';
import { type InetAddr, inetToString, parseInet } from '../../wire/inet.js';
import { ipCommand } from './ip-command.js';
import { IpConfig } from './ip-config.js';
import { standardTopology } from './topology.js';

let config: IpConfig;
const ip = (line: string): void => ipCommand(config, line.split(' '));
const address = (text: string): InetAddr => parseInet(text)!;

/** `type via link` of the route to an address. */
function to(daddr: string, mark = 0): string {
  const route = config.fib.lookup(address(daddr), { mark });
  if (route === undefined) return 'none';
  return [route.type, route.via && inetToString(route.via), route.link.name].filter(Boolean).join(' ');
}

const sourceTo = (daddr: string): string =>
  inetToString(config.sourceFor(config.fib.lookup(address(daddr))!, address(daddr))!);

beforeEach(() => {
  config = new IpConfig(standardTopology());
  for (const route of standardTopology().routes) ip(`route add ${route}`);
});

describe('routes', () => {
  it('go by the longest prefix', () => {
    assert.equal(to('10.2.0.11'), 'unicast s0');
    assert.equal(to('10.1.0.100'), 'local lo');
    assert.equal(to('10.1.0.255'), 'broadcast c0');
    assert.equal(to('127.9.9.9'), 'local lo');
    assert.equal(to('203.0.113.9'), 'unicast 10.1.0.9 c0');
    assert.equal(to('8.8.8.8'), 'unicast 10.2.0.254 s0');
    assert.equal(to('fd00:2::11'), 'unicast s0');
    assert.equal(to('fd00:2::'), 'anycast s0');
    assert.equal(to('2001:db9::1'), 'unicast fd00:2::fe s0');
    assert.equal(to('fe80::1'), 'none');
  });

  it('are added, replaced and taken away', () => {
    ip('route add unreachable 8.8.8.0/24');
    assert.equal(to('8.8.8.8'), 'unreachable lo');
    assert.throws(() => ip('route add 8.8.8.0/24 via 10.1.0.9'), /File exists/);
    ip('route replace 8.8.8.0/24 via 10.1.0.9');
    assert.equal(to('8.8.8.8'), 'unicast 10.1.0.9 c0');
    ip('route del 8.8.8.0/24');
    ip('route del default');
    ip('-6 route del default');
    assert.equal(to('8.8.8.8'), 'none');
    assert.equal(to('2001:db9::1'), 'none');
    assert.throws(() => ip('route del default'), /No such process/);
  });

  it('go by their metrics, the best first', () => {
    ip('route add 8.8.8.0/24 via 10.1.0.9 metric 5');
    ip('route add prohibit 8.8.8.0/24');
    assert.equal(to('8.8.8.8'), 'prohibit lo');
    ip('route del 8.8.8.0/24');
    assert.equal(to('8.8.8.8'), 'unicast 10.1.0.9 c0');
    ip('route add prohibit 8.8.8.0/24');
    ip('route del 8.8.8.0/24 metric 5');
    assert.equal(to('8.8.8.8'), 'prohibit lo');
  });

  it('are of the family that was asked for', () => {
    assert.throws(() => ip('-6 route add 8.8.8.0/24 dev c0'), /inet6 prefix is expected/);
  });

  it('of other tables are found by rules', () => {
    ip('rule add fwmark 7 lookup 100');
    ip('route add local default dev lo table 100');
    assert.equal(to('8.8.8.8', 7), 'local lo');
    assert.equal(to('8.8.8.8', 8), 'unicast 10.2.0.254 s0');
    ip('rule del fwmark 7 lookup 100');
    assert.equal(to('8.8.8.8', 7), 'unicast 10.2.0.254 s0');
  });

  it('that throw go on in the next table', () => {
    ip('route add throw 8.8.8.0/24');
    assert.equal(to('8.8.8.8'), 'none');
  });
});

describe('source addresses', () => {
  it('are those of the outgoing link', () => {
    assert.equal(sourceTo('10.1.0.10'), '10.1.0.1');
    assert.equal(sourceTo('8.8.8.8'), '10.2.0.1');
    assert.equal(sourceTo('fd00:2::11'), 'fd00:2::1');
  });

  it('may be given by the route', () => {
    ip('route add 8.8.8.8 via 10.1.0.9 src 10.1.0.101');
    assert.equal(sourceTo('8.8.8.8'), '10.1.0.101');
  });
});

describe('links', () => {
  it('that are down have no routes, and lose their IPv6 addresses', () => {
    ip('link set s0 down');
    assert.equal(to('10.2.0.11'), 'none');
    assert.equal(to('8.8.8.8'), 'none');
    assert.equal(to('10.2.0.1'), 'local s0');
    assert.equal(to('fd00:2::1'), 'none');
    ip('link set s0 up');
    assert.equal(to('10.2.0.11'), 'unicast s0');
    assert.equal(to('8.8.8.8'), 'none');
  });

  it('have an MTU', () => {
    ip('link set dev s0 mtu 1400');
    assert.equal(config.link('s0').mtu, 1400);
  });
});

describe('addresses', () => {
  it('come and go with their routes', () => {
    ip('addr add 10.9.0.1/24 dev s0');
    assert.equal(to('10.9.0.7'), 'unicast s0');
    assert.throws(() => ip('addr add 10.9.0.1/24 dev s0'), /already assigned/);
    ip('addr del 10.9.0.1/24 dev s0');
    assert.equal(to('10.9.0.7'), 'unicast 10.2.0.254 s0');
    assert.equal(to('10.1.0.1'), 'local c0');
  });
});

describe('neighbours', () => {
  it('are replaced and removed', () => {
    ip('neigh replace 10.2.0.11 lladdr 02:02:00:00:00:09 dev s0 nud permanent');
    assert.equal(config.neighbours.get('s0 10.2.0.11')![5], 9);
    ip('neigh del 10.2.0.11 dev s0');
    assert.equal(config.neighbours.has('s0 10.2.0.11'), false);
  });
});

describe('what is not understood', () => {
  for (const line of [
    'route get 1.2.3.4',
    'link add x type dummy',
    '-s link',
    'netns add x',
    'route add 1.2.3.4 weird',
  ]) {
    it(line, () => {
      assert.throws(
        () => ip(line),
        (error) => error instanceof IpvsError && error.code === 'NOT_SUPPORTED',
      );
    });
  }
  it('an unknown device', () => assert.throws(() => ip('link set x0 up'), /Cannot find device "x0"/));
  it('a malformed address', () =>
    assert.throws(() => ip('route add 1.2.3.4/40 dev c0'), /no address prefix/));
});
