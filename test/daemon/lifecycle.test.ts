import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { connectDirector } from '../../src/control/client.js';
import { ipvsd, start, startDaemon, stopDaemon, temporaryFolder, until } from '../support/daemon.js';

const folder = temporaryFolder();
after(folder.remove);
let count = 0;
const freshSocket = () => `${folder.path}/${count++}.sock`;

describe('the socket', () => {
  test('is made with its folder, for this user alone', async () => {
    const socket = `${folder.path}/made/s.sock`;
    const daemon = await startDaemon(socket);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(statSync(`${folder.path}/made`).mode & 0o777, 0o755);
    await stopDaemon(daemon);
    assert.equal(existsSync(socket), false, 'removed at the end');
  });

  test('can be named in the environment', async () => {
    const socket = freshSocket();
    const daemon = start(['run', '--datapath', 'none'], { IPVSD_SOCKET: socket });
    await until(() => existsSync(socket), 'socket');
    assert.equal((await ipvsd(['sysctl', 'am_droprate'], { IPVSD_SOCKET: socket })).code, 0);
    await stopDaemon(daemon);
  });

  test('of a daemon that was killed is taken over', async () => {
    const socket = freshSocket();
    const killed = await startDaemon(socket);
    killed.child.kill('SIGKILL');
    await killed.ended;
    assert.ok(existsSync(socket));
    await stopDaemon(await startDaemon(socket));
  });

  test('of a daemon that lives is left alone: exit 4', async () => {
    const socket = freshSocket();
    const first = await startDaemon(socket);
    const second = await ipvsd(['run', '--datapath', 'none', '--socket', socket]);
    assert.equal(second.code, 4);
    assert.match(second.stderr, /another ipvsd daemon answers at /);
    const director = connectDirector({ socket });
    assert.equal((await director.execute('info', {})).numServices, 0);
    director.close();
    await stopDaemon(first);
  });

  test('that is no socket is left alone: exit 5', async () => {
    const path = `${folder.path}/file`;
    writeFileSync(path, 'precious');
    const { code, stderr } = await ipvsd(['run', '--datapath', 'none', '--socket', path]);
    assert.equal(code, 5);
    assert.match(stderr, /socket: .*file exists and is no socket/);
    assert.ok(existsSync(path));
  });
});

describe('the end', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`by ${signal}: within a second, exit 0, also with clients connected`, async () => {
      const socket = freshSocket();
      const daemon = await startDaemon(socket);
      const director = connectDirector({ socket });
      await director.execute('info', {});
      const begin = performance.now();
      daemon.child.kill(signal);
      const { code, stderr } = await daemon.ended;
      assert.ok(performance.now() - begin < 1000);
      assert.equal(code, 0);
      assert.match(stderr, /stopping[\s\S]*stopped/);
      director.close();
    });
  }
});

test('SIGHUP without a configuration file changes nothing, and the log says so', async () => {
  const daemon = await startDaemon(freshSocket());
  daemon.child.kill('SIGHUP');
  await until(() => daemon.stderr().includes('nothing to read again'), 'warning');
  assert.equal((await stopDaemon(daemon)).code, 0);
});

describe('logs', () => {
  test('as JSON lines', async () => {
    const socket = freshSocket();
    const { stderr } = await stopDaemon(await startDaemon(socket, ['--log-format', 'json']));
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['ready', 'stopping', 'stopped'],
    );
    assert.equal(lines[0]?.socket, socket);
    assert.equal(lines[0]?.level, 'info');
  });

  test('with requests at level debug', async () => {
    const socket = freshSocket();
    const daemon = await startDaemon(socket, ['--log-level', 'debug']);
    await ipvsd(['proc', 'ip_vs', '--socket', socket]);
    const { stderr } = await stopDaemon(daemon);
    assert.match(stderr, /DEBUG request method=POST url=\/v1\/commands\/proc status=200 ms=/);
  });
});

describe('the configuration file', () => {
  const run = (config: unknown) => {
    const path = `${folder.path}/config-${count++}.json`;
    writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
    return ['run', '--config', path];
  };

  test('is applied before the daemon is ready; flags go before it', async () => {
    const socket = freshSocket();
    const config = {
      socket: '/nonexistent/folder/s.sock',
      connTabBits: 10,
      logLevel: 'debug',
      sysctl: { drop_entry: '1' },
      services: [
        {
          protocol: 'tcp',
          address: '10.1.0.100',
          port: 80,
          scheduler: 'rr',
          dests: [
            { address: '10.2.0.11', port: 80 },
            { address: '10.2.0.12', port: 80, forward: 'masq' },
          ],
        },
        { fwmark: 3, scheduler: 'rr' },
      ],
    };
    const daemon = await startDaemon(socket, run(config).slice(1));
    const director = connectDirector({ socket });
    assert.deepEqual(await director.execute('info', {}), {
      version: '1.2.1',
      connTabSize: 1024,
      numServices: 2,
      connections: 0,
      connLimit: 1 << 20,
      connRefused: 0,
    });
    const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
    const dests = await director.execute('dest.list', { service });
    assert.deepEqual(
      dests.map(({ address, forward }) => [address, forward]),
      [
        ['10.2.0.12', 'masq'],
        ['10.2.0.11', 'route'],
      ],
    );
    assert.equal(await director.execute('sysctl.get', { name: 'drop_entry' }), '1');
    director.close();
    await stopDaemon(daemon);
  });

  const web = { protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'rr' };
  const wrong: [string, unknown, RegExp][] = [
    ['neither YAML nor JSON', '{"a"', /json:1:5: Flow map /],
    ['an unknown field', { conlimit: 5 }, /json:1:2: conlimit: unknown field \(expected netns, socket,/],
    ['a bad value', { connTabBits: 40 }, /json:1:16: connTabBits: 40 is not a number of bits \(8\.\.27\)/],
    ['no object', [], /json:1:1: \[\] is not an object/],
    ['a bad service', { services: [web, 7] }, /json:1:\d+: services\[1\]: 7 is not an object/],
    [
      'a bad server',
      { services: [{ ...web, dests: [{ address: 'x', port: 1 }] }] },
      /json:1:\d+: services\[0\]\.dests\[0\]\.address: "x" is not an IPv4 or IPv6 address/,
    ],
    [
      'a namespace that is a path',
      { netns: '../x' },
      /json:1:10: netns: "\.\.\/x" is not a network namespace name/,
    ],
    [
      'a service twice',
      { services: [web, web] },
      /json:1:\d+: services\[1\]: tcp:10\.1\.0\.100:80 is there already, as services\[0\]/,
    ],
    [
      'an unknown scheduler',
      { services: [{ ...web, scheduler: 'zz' }] },
      /json:1:\d+: services\[0\]\.scheduler: no scheduler "zz"/,
    ],
    [
      'a server that the kernel refuses',
      { services: [{ ...web, dests: [{ address: '224.0.0.1', port: 1 }] }] },
      /json:1:\d+: services\[0\]\.dests\[0\]\.address: a multicast address/,
    ],
    ['an unknown sysctl', { sysctl: { zz: '1' } }, /json:1:12: sysctl\.zz: unknown field/],
    [
      'a sysctl out of range',
      { sysctl: { drop_entry: 9 } },
      /json:1:25: sysctl\.drop_entry: 9 is not within/,
    ],
  ];
  for (const [what, config, message] of wrong) {
    test(`${what}: exit 5, naming it`, async () => {
      const socket = freshSocket();
      const { code, stderr } = await ipvsd([...run(config), '--datapath', 'none', '--socket', socket]);
      assert.match(stderr, message);
      assert.equal(code, 5);
      assert.equal(existsSync(socket), false);
    });
  }

  test('that is not there: exit 5', async () => {
    const { code, stderr } = await ipvsd(['run', '--config', '/nonexistent.json']);
    assert.equal(code, 5);
    assert.match(stderr, /\/nonexistent\.json: there is no such file/);
  });
});

test('a program that listens but does not speak HTTP counts as a daemon', async () => {
  // who holds the path cannot be known, so nothing is taken from it
  const socket = freshSocket();
  const other = createServer().listen(socket);
  await until(() => existsSync(socket), 'socket');
  assert.equal((await ipvsd(['run', '--datapath', 'none', '--socket', socket])).code, 4);
  other.close();
});

test('a socket path in a folder that cannot be made: exit 1 or 3', async () => {
  mkdirSync(`${folder.path}/d`);
  writeFileSync(`${folder.path}/d/f`, '');
  const { code, stderr } = await ipvsd([
    'run',
    '--datapath',
    'none',
    '--socket',
    `${folder.path}/d/f/s.sock`,
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /d\/f\/s\.sock/);
});
