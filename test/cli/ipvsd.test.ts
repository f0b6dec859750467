import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ipvsd, type Started, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

describe('help and version', () => {
  for (const args of [
    ['--help'],
    ['help'],
    ['run', '--help'],
    ['help', 'run'],
    ['simulate', '--help'],
    ['sysctl', '--help'],
  ]) {
    test(`ipvsd ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await ipvsd(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: ipvsd/);
    });
  }

  test('the help of the program shows every command, examples and exit codes', async () => {
    const { stdout } = await ipvsd(['--help']);
    for (const part of [
      'run',
      'simulate',
      'decap',
      'sysctl',
      'proc',
      'openapi',
      'version',
      'Examples:',
      'Exit codes:',
    ]) {
      assert.ok(stdout.includes(part), part);
    }
  });

  for (const args of [['--version'], ['-V'], ['version']]) {
    test(`ipvsd ${args.join(' ')}`, async () => {
      assert.deepEqual(await ipvsd(args), { code: 0, stdout: `${version}\n`, stderr: '' });
    });
  }
});

describe('wrong usage: exit 2, with what is wrong', () => {
  const cases: [string[], RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['run', '--nonsense'], /unknown option '--nonsense'/],
    [['run', 'extra'], /too many arguments/],
    [
      ['run', '--conn-limit', 'many'],
      /^ipvsd: --conn-limit: "many" is not a number of connections \(1\.\.\d+\)$/m,
    ],
    [['run', '--conn-tab-bits', '99'], /^ipvsd: --conn-tab-bits: 99 is not a number of bits \(8\.\.27\)$/m],
    [
      ['run', '--log-level', 'loud'],
      /^ipvsd: --log-level: "loud" is not a log level \(debug, info, warn, error\)$/m,
    ],
    [['run', '--datapath', 'pigeon'], /^ipvsd: --datapath: "pigeon" is not a data path \(tun, none\)$/m],
    [['run', '--netns', 'a/b'], /^ipvsd: --netns: "a\/b" is not a network namespace name/m],
    [['run', '--device', 'a b'], /^ipvsd: --device: "a b" is not a device name \(1\.\.15 characters\)$/m],
    [['run', '--rule-priority', '0'], /^ipvsd: --rule-priority: 0 is not a rule priority/m],
    [['decap', '--tunnel', 'ipip,vxlan'], /^ipvsd: --tunnel: "vxlan" is not a tunnel \(ipip, gre, gue\)$/m],
    [['decap', '--gue-port', '0'], /^ipvsd: --gue-port: "0" is not a port \(1\.\.65535\)$/m],
    [['decap', '--from', '10.2.0.1,x'], /^ipvsd: --from: "x" is not an IPv4 or IPv6 address$/m],
    [['proc'], /missing required argument 'name'/],
    [['simulate'], /missing required argument 'files'/],
    [['simulate', 'x.json', '--seed', 'x'], /^ipvsd: --seed: "x" is not a whole number$/m],
  ];
  for (const [args, message] of cases) {
    test(`ipvsd ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await ipvsd(args);
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }

  test('no command at all: the help, on standard error', async () => {
    const { code, stderr } = await ipvsd([]);
    assert.equal(code, 2);
    assert.match(stderr, /^Usage: ipvsd/);
  });
});

describe('clients of the daemon', () => {
  const folder = temporaryFolder();
  const socket = `${folder.path}/s.sock`;
  let daemon: Started;
  before(async () => {
    daemon = await startDaemon(socket);
  });
  after(async () => {
    await stopDaemon(daemon);
    folder.remove();
  });
  const client = (...args: string[]) => ipvsd([...args, '--socket', socket]);

  test('sysctl shows all', async () => {
    const { code, stdout } = await client('sysctl');
    assert.equal(code, 0);
    assert.match(stdout, /^net\.ipv4\.vs\.am_droprate = 10$/m);
    assert.match(stdout, /^net\.ipv4\.vs\.sync_threshold = 3\t50$/m);
  });

  test('sysctl sets and shows, under both names', async () => {
    const { code, stdout } = await client(
      'sysctl',
      'drop_entry=1',
      'net.ipv4.vs.sync_threshold=2 40',
      'net/ipv4/vs/drop_entry',
    );
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'net.ipv4.vs.drop_entry = 1\nnet.ipv4.vs.sync_threshold = 2\t40\nnet.ipv4.vs.drop_entry = 1\n',
    );
  });

  test('sysctl with a wrong name or value: exit 1', async () => {
    for (const [word, message] of [
      ['zz', 'ipvsd: name: no sysctl "zz" below net.ipv4.vs\n'],
      ['drop_entry=7', 'ipvsd: drop_entry: 7 is not within 0..3\n'],
    ] as const) {
      assert.deepEqual(await client('sysctl', word), { code: 1, stdout: '', stderr: message });
    }
  });

  test('proc prints a file; an unknown one is exit 1', async () => {
    assert.match(
      (await client('proc', 'ip_vs')).stdout,
      /^IP Virtual Server version 1\.2\.1 \(size=4096\)\n/,
    );
    assert.equal((await client('proc', 'zz')).code, 1);
  });

  test('without a daemon: exit 6', async () => {
    const { code, stderr } = await ipvsd(['sysctl', '--socket', '/nonexistent/s.sock']);
    assert.equal(code, 6);
    assert.match(stderr, /^ipvsd: the ipvsd daemon does not answer at \/nonexistent\/s\.sock/);
  });
});
