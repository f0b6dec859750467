import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { NO_STATS } from '../../test/support/no-stats.js';
import type { Datapath } from '../daemon/datapath.js';
import { startWithoutPackets } from '../daemon/no-datapath.js';
import { type ErrorCode, IpvsError } from '../errors.js';
import type { Args, CommandName, DestSpec, ServiceSpec } from './command.js';
import { COMMAND_NAMES, COMMANDS } from './command-table.js';
import type { EngineCommand } from './engine-director.js';
import { keyOf } from './fields.js';

const web: ServiceSpec = {
  protocol: 'tcp',
  address: '10.1.0.100',
  port: 80,
  scheduler: 'rr',
  flags: [],
  timeout: 0,
  netmask: '255.255.255.255',
};
const webKey = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
const server: DestSpec = {
  address: '10.2.0.11',
  port: 8080,
  forward: 'masq',
  weight: 3,
  uThreshold: 100,
  lThreshold: 10,
};
const toPacketSpec: Args<'explain'>['packet'] = {
  protocol: 'tcp',
  source: '10.1.0.10',
  sourcePort: 40_000,
  destination: '10.1.0.100',
  destinationPort: 80,
  flags: ['syn'],
  ttl: 64,
  length: 0,
};

/** Valid arguments of every command. */
const GOOD: { [N in EngineCommand]: Args<N> } = {
  info: {},
  'service.add': { service: web },
  'service.edit': { service: web },
  'service.delete': { service: webKey },
  'service.get': { service: webKey },
  'service.list': {},
  'dest.add': { service: webKey, dest: server },
  'dest.edit': { service: webKey, dest: server },
  'dest.delete': { service: webKey, dest: { address: '10.2.0.11', port: 8080 } },
  'dest.list': { service: webKey },
  'dest.drain': {
    service: webKey,
    dest: { address: '10.2.0.11', port: 8080 },
    deadline: 30,
    end: 'rst',
  },
  'dest.undrain': { service: webKey, dest: { address: '10.2.0.11', port: 8080 } },
  'drain.list': {},
  flush: {},
  zero: { service: webKey },
  stats: {},
  'timeout.set': { tcp: 900, tcpFin: 120, udp: 300 },
  'timeout.get': {},
  'daemon.start': { daemon: { state: 'master', interface: 'eth0', syncid: 1 } },
  'daemon.stop': { state: 'master' },
  'daemon.list': {},
  'conn.list': { cursor: 0, limit: 10 },
  'sysctl.get': { name: 'drop_entry' },
  'sysctl.set': { name: 'drop_entry', value: '1' },
  'sysctl.list': {},
  'conn.count': { cursor: 0 },
  'service.page': { cursor: 0, limit: 10 },
  counters: {},
  explain: { packet: toPacketSpec },
  proc: { name: 'ip_vs' },
};

const ENGINE_COMMANDS = Object.keys(GOOD) as EngineCommand[];

let director: Datapath;
beforeEach(() => {
  director = startWithoutPackets({});
});
afterEach(() => director.stop());

/** Carries out a command, whatever its argument is. */
const execute = (name: string, args: unknown) => director.execute(name as CommandName, args as never);

async function refusal(name: string, args: unknown): Promise<IpvsError> {
  try {
    await execute(name, args);
  } catch (error) {
    assert.ok(error instanceof IpvsError, String(error));
    return error;
  }
  assert.fail(`${name} was not refused`);
}

describe('services', () => {
  test('a service is listed as it was added', async () => {
    const specs: ServiceSpec[] = [
      { ...web, flags: ['persistent', 'flag-1', 'flag-3'], timeout: 300, netmask: '255.255.255.0' },
      { ...web, protocol: 'udp', flags: ['ops'], scheduler: 'none' },
      { ...web, protocol: 'sctp', port: 0, timeout: 60, flags: ['persistent'] },
      { ...web, address: 'fd00:1::100', netmask: '64', scheduler: 'wlc' },
      { fwmark: 7, family: 'inet6', scheduler: 'rr', flags: [], timeout: 0, netmask: '128' },
    ];
    for (const service of specs) await execute('service.add', { service });
    const listed = await director.execute('service.list', {});
    assert.equal(listed.length, specs.length);
    for (const service of specs) {
      const { stats, numDests, ...spec } = await director.execute('service.get', { service: keyOf(service) });
      assert.deepEqual(spec, service);
      assert.deepEqual(stats, NO_STATS);
      assert.equal(numDests, 0);
    }
  });

  test('what is left out has ipvsadm’s defaults', async () => {
    await execute('service.add', { service: { ...webKey } });
    await execute('service.add', { service: { ...webKey, protocol: 'udp', flags: ['persistent'] } });
    await execute('service.add', { service: { fwmark: 5 } });
    const { stats, numDests, ...plain } = await director.execute('service.get', { service: webKey });
    assert.deepEqual(plain, {
      ...webKey,
      scheduler: 'wlc',
      flags: [],
      timeout: 0,
      netmask: '255.255.255.255',
    });
    const persistent = await director.execute('service.get', { service: { ...webKey, protocol: 'udp' } });
    assert.equal(persistent.timeout, 360);
    assert.ok(await director.execute('service.get', { service: { fwmark: 5, family: 'inet' } }));
  });

  test('an edit replaces the settings and keeps the servers', async () => {
    await execute('service.add', { service: web });
    await execute('dest.add', { service: webKey, dest: server });
    await execute('service.edit', {
      service: { ...web, scheduler: 'wrr', flags: ['persistent'], timeout: 50 },
    });
    const entry = await director.execute('service.get', { service: webKey });
    assert.equal(entry.scheduler, 'wrr');
    assert.equal(entry.timeout, 50);
    assert.equal(entry.numDests, 1);
  });

  test('a flush deletes all', async () => {
    await execute('service.add', { service: web });
    await execute('service.add', { service: { fwmark: 1 } });
    await execute('flush', {});
    assert.deepEqual(await director.execute('service.list', {}), []);
    assert.equal((await director.execute('info', {})).numServices, 0);
  });
});

describe('real servers', () => {
  beforeEach(() => execute('service.add', { service: web }));

  test('a server is listed as it was added, the newest first', async () => {
    const tunnelled: DestSpec = {
      ...server,
      address: 'fd00:2::12',
      forward: 'tunnel',
      tunType: 'gue',
      tunPort: 6080,
      tunCsum: 'remcsum',
    };
    await execute('dest.add', { service: webKey, dest: server });
    await execute('dest.add', { service: webKey, dest: tunnelled });
    const counts = { activeConns: 0, inactConns: 0, persistConns: 0, stats: NO_STATS };
    assert.deepEqual(await director.execute('dest.list', { service: webKey }), [
      { ...tunnelled, ...counts },
      { ...server, tunType: 'ipip', tunPort: 0, tunCsum: 'nocsum', ...counts },
    ]);
  });

  test('what is left out has ipvsadm’s defaults', async () => {
    await execute('dest.add', { service: webKey, dest: { address: '10.2.0.11', port: 80 } });
    const [entry] = await director.execute('dest.list', { service: webKey });
    assert.equal(entry?.forward, 'route');
    assert.equal(entry?.weight, 1);
    assert.equal(entry?.uThreshold, 0);
  });

  test('all methods, an edit, a deletion', async () => {
    await execute('dest.add', { service: webKey, dest: server });
    for (const forward of ['masq', 'route', 'tunnel', 'local', 'bypass']) {
      await execute('dest.edit', { service: webKey, dest: { ...server, forward, weight: 0 } });
      const [entry] = await director.execute('dest.list', { service: webKey });
      assert.equal(entry?.forward, forward);
      assert.equal(entry?.weight, 0);
    }
    await execute('dest.delete', { service: webKey, dest: { address: '10.2.0.11', port: 8080 } });
    assert.deepEqual(await director.execute('dest.list', { service: webKey }), []);
  });
});

describe('the rest', () => {
  test('timeouts: 0 and absent leave a value as it is', async () => {
    assert.deepEqual(await director.execute('timeout.get', {}), { tcp: 900, tcpFin: 120, udp: 300 });
    await execute('timeout.set', { tcp: 10, tcpFin: 0 });
    assert.deepEqual(await director.execute('timeout.get', {}), { tcp: 10, tcpFin: 120, udp: 300 });
  });

  test('sysctls', async () => {
    await execute('sysctl.set', { name: 'sync_threshold', value: '2 40' });
    assert.equal(await director.execute('sysctl.get', { name: 'sync_threshold' }), '2\t40');
    const all = await director.execute('sysctl.list', {});
    assert.equal(all.sync_threshold, '2\t40');
    assert.equal(all.am_droprate, '10');
  });

  test('info, connections, counters, proc files', async () => {
    assert.deepEqual(await director.execute('info', {}), {
      version: '1.2.1',
      connTabSize: 4096,
      numServices: 0,
      connections: 0,
      connLimit: 1 << 20,
      connRefused: 0,
    });
    assert.deepEqual(await director.execute('conn.list', {}), { entries: [] });
    assert.deepEqual(await director.execute('stats', {}), NO_STATS);
    assert.match(
      await director.execute('proc', { name: 'ip_vs' }),
      /^IP Virtual Server version 1\.2\.1 \(size=4096\)\n/,
    );
    assert.equal(await director.execute('zero', {}), null);
  });

  test('no daemon runs', async () => {
    assert.deepEqual(await director.execute('daemon.list', {}), []);
  });
});

describe('the kernel’s errors', () => {
  const other = { protocol: 'udp', address: '10.1.0.100', port: 80 };
  const ghost = { address: '10.2.0.99', port: 1 };
  const cases: [string, string, unknown, ErrorCode, string | undefined][] = [
    ['add a service that exists', 'service.add', { service: web }, 'SERVICE_EXISTS', undefined],
    [
      'edit a service that does not',
      'service.edit',
      { service: { ...other } },
      'SERVICE_NOT_FOUND',
      undefined,
    ],
    ['delete one', 'service.delete', { service: other }, 'SERVICE_NOT_FOUND', undefined],
    ['get one', 'service.get', { service: other }, 'SERVICE_NOT_FOUND', undefined],
    ['zero one', 'zero', { service: other }, 'SERVICE_NOT_FOUND', undefined],
    ['list its servers', 'dest.list', { service: other }, 'SERVICE_NOT_FOUND', undefined],
    ['add a server to it', 'dest.add', { service: other, dest: server }, 'SERVICE_NOT_FOUND', undefined],
    ['add a server that exists', 'dest.add', { service: webKey, dest: server }, 'DEST_EXISTS', undefined],
    [
      'edit a server that does not',
      'dest.edit',
      { service: webKey, dest: ghost },
      'DEST_NOT_FOUND',
      undefined,
    ],
    ['delete one', 'dest.delete', { service: webKey, dest: ghost }, 'DEST_NOT_FOUND', undefined],
    [
      'unknown scheduler',
      'service.edit',
      { service: { ...web, scheduler: 'zz' } },
      'SCHEDULER_NOT_FOUND',
      'service.scheduler',
    ],
    ['unknown engine', 'service.edit', { service: { ...web, pe: 'zz' } }, 'PE_NOT_FOUND', 'service.pe'],
    [
      'negative weight',
      'dest.edit',
      { service: webKey, dest: { ...server, weight: -1 } },
      'OUT_OF_RANGE',
      'dest.weight',
    ],
    [
      'thresholds crossed',
      'dest.edit',
      { service: webKey, dest: { ...server, lThreshold: 101 } },
      'OUT_OF_RANGE',
      'dest.lThreshold',
    ],
    [
      'GUE without a port',
      'dest.edit',
      { service: webKey, dest: { ...server, tunType: 'gue' } },
      'INVALID',
      'dest.tunPort',
    ],
    [
      'multicast server',
      'dest.add',
      { service: webKey, dest: { address: '224.0.0.1', port: 1 } },
      'INVALID',
      'dest.address',
    ],
    [
      'link-local server',
      'dest.add',
      { service: webKey, dest: { address: 'fe80::1', port: 1, forward: 'tunnel' } },
      'INVALID',
      'dest.address',
    ],
    [
      'mixed families without a tunnel',
      'dest.add',
      { service: webKey, dest: { address: 'fd00::1', port: 1 } },
      'INVALID',
      'dest.forward',
    ],
    ['a timeout beyond INT_MAX jiffies', 'timeout.set', { tcp: 5, udp: 2 ** 31 - 1 }, 'INVALID', 'udp'],
    ['unknown sysctl', 'sysctl.set', { name: 'zz', value: '1' }, 'NO_SYSCTL', 'name'],
    ['a sysctl out of its range', 'sysctl.set', { name: 'drop_entry', value: '4' }, 'INVALID', 'drop_entry'],
    ['unknown proc file', 'proc', { name: 'zz' }, 'INVALID', 'name'],
    ['stop a daemon that does not run', 'daemon.stop', { state: 'backup' }, 'DAEMON_NOT_RUNNING', undefined],
  ];
  for (const [what, name, args, code, field] of cases) {
    test(`${what}: ${code}`, async () => {
      await execute('service.add', { service: web });
      await execute('dest.add', { service: webKey, dest: server });
      const before = await everything();
      const error = await refusal(name, args);
      assert.equal(error.code, code);
      assert.equal(error.field, field);
      assert.deepEqual(await everything(), before, 'nothing was changed');
    });
  }
});

describe('malformed commands', () => {
  const cases: [string, unknown, string][] = [
    ['zz', {}, 'command: "zz" is not a command'],
    ['toString', {}, 'command: "toString" is not a command'],
    ['service.add', undefined, 'request: undefined is not an object'],
    ['service.add', {}, 'service: missing: expected an object'],
    ['service.add', { service: { ...web, port: 70000 } }, 'service.port: 70000 is not a port (0..65535)'],
    [
      'service.add',
      { service: { ...web, address: 'www' } },
      'service.address: "www" is not an IPv4 or IPv6 address',
    ],
    [
      'service.add',
      { service: { ...web, flags: ['ops', 'x'] } },
      'service.flags[1]: "x" is not a service flag',
    ],
    [
      'service.add',
      { service: { ...web, netmask: '64' } },
      'service.netmask: "64" is not an IPv4 mask such as 255.255.255.0',
    ],
    [
      'service.add',
      { service: { ...web, address: '::1' } },
      'service.netmask: "255.255.255.255" is not an IPv6 prefix length',
    ],
    ['service.add', { service: { fwmark: 1, port: 80 } }, 'service.port: unknown field'],
    [
      'service.delete',
      { service: web },
      'service.scheduler: unknown field (expected protocol, address, port)',
    ],
    [
      'dest.add',
      { service: webKey, dest: { ...server, wieght: 1 } },
      'dest.wieght: unknown field (expected address, port, forward',
    ],
    ['conn.list', { limit: 10001 }, 'limit: 10001 is not a page size (1..10000)'],
    ['info', { x: 1 }, 'x: unknown field (expected none)'],
  ];
  for (const [name, args, message] of cases) {
    test(`${name}: ${message}`, async () => {
      const error = await refusal(name, args);
      assert.ok(error.message.startsWith(message), error.message);
      assert.equal(error.code, 'BAD_REQUEST');
    });
  }

  test('whichever field is spoiled, the error names it', async () => {
    await fc.assert(
      fc.asyncProperty(spoiled(), async ({ name, args, field }) => {
        const error = await refusal(name, args);
        assert.equal(error.code, 'BAD_REQUEST');
        assert.equal(error.field, field);
        assert.ok(error.message.startsWith(`${field}: `));
      }),
    );
  });

  test('whatever comes, it is done or refused with an error of the table', async () => {
    const anyName = fc.oneof(fc.constantFrom(...COMMAND_NAMES), fc.string());
    await fc.assert(
      fc.asyncProperty(anyName, fc.oneof(fc.anything(), fc.jsonValue()), async (name, args) => {
        try {
          await execute(name, args);
        } catch (error) {
          assert.ok(error instanceof IpvsError && error.code !== 'SYSTEM', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('every command’s result has the published form', async () => {
  await execute('service.add', { service: web });
  await execute('dest.add', { service: webKey, dest: server });
  for (const name of [
    'info',
    'service.get',
    'service.list',
    'dest.list',
    'stats',
    'timeout.get',
    'conn.list',
    'sysctl.list',
  ] as const) {
    const result = await director.execute(name, GOOD[name] as never);
    assert.deepEqual(COMMANDS[name].result.read(JSON.parse(JSON.stringify(result)), 'result'), result);
  }
});

/** All that a refused command might have changed. */
async function everything(): Promise<unknown> {
  const services = await director.execute('service.list', {});
  return {
    services,
    dests: await Promise.all(
      services.map((service) => director.execute('dest.list', { service: keyOf(service) })),
    ),
    timeouts: await director.execute('timeout.get', {}),
    sysctls: await director.execute('sysctl.list', {}),
  };
}

/** Good arguments with one field made bad. */
function spoiled() {
  const targets = ENGINE_COMMANDS.flatMap((name) => leaves(GOOD[name], []).map((path) => ({ name, path })));
  // what no field takes: an object where a value is wanted
  const bad = fc.constantFrom<unknown>(null, true, -1.5, {}, 1e300, '\u0000', [[]]);
  return fc.tuple(fc.constantFrom(...targets), bad).map(([{ name, path }, value]) => {
    const args = structuredClone(GOOD[name]) as Record<string, unknown>;
    let at = args;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
    at[path.at(-1)!] = value;
    // a list is spoiled in its first entry
    const field = path.join('.') + (path.at(-1) === 'flags' && Array.isArray(value) ? '[0]' : '');
    return { name, args, field };
  });
}

function leaves(value: unknown, path: string[]): string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, entry]) => leaves(entry, [...path, key]));
}
