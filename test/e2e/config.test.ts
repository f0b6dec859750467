/** Configurations and a real daemon: check, plan, apply and SIGHUP, while a connection goes on; virtual addresses on interfaces. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ipvsd, type Started, start, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, skipReason } from './namespaces.js';
import { script } from './script.js';

const skip = skipReason('curl');
const net = new Namespaces('conf');
const folder = temporaryFolder();
const socket = `${folder.path}/s.sock`;
const file = `${folder.path}/ipvsd.yaml`;
const VIP = '10.0.0.100';

/** client - director - two real servers. */
async function build(): Promise<void> {
  for (const name of ['c', 'd', 's1', 's2']) net.add(name);
  net.connect('c', 'eth0', 'd', 'eth0');
  net.address('c', 'eth0', '10.0.0.2/24', 'fd00::2/64');
  net.address('d', 'eth0', '10.0.0.1/24', 'fd00::1/64');
  for (const n of [1, 2]) {
    net.connect('d', `eth${n}`, `s${n}`, 'eth0');
    net.address('d', `eth${n}`, `10.0.${n}.1/24`);
    net.address(`s${n}`, 'eth0', `10.0.${n}.11/24`);
    net.ip(`s${n}`, `route add default via 10.0.${n}.1`);
    await net.start(`s${n}`, process.execPath, script('server'), `s${n}`, `10.0.${n}.11`);
  }
}

/** A configuration whose servers have these weights. */
const config = (weights: Record<string, number>, more = ''): string => `${more}vips:
  - { address: ${VIP}, interface: eth0 }   # the shop's
services:
  - protocol: tcp
    address: ${VIP}
    port: 80
    scheduler: wrr
    dests:
${Object.entries(weights)
  .map(([server, weight]) => `      - { address: ${server}, port: 80, forward: masq, weight: ${weight} }\n`)
  .join('')}`;

const [S1, S2] = ['10.0.1.11', '10.0.2.11'];
const write = (text: string, path = file): string => {
  writeFileSync(path, text);
  return path;
};
const client = (...args: string[]) => ipvsd([...args, '--socket', socket]);
const addresses = () => net.ip('d', '-br addr show dev eth0');

async function startDaemon(...args: string[]): Promise<Started> {
  const daemon = start(['run', '--netns', net.name('d'), '--socket', socket, ...args]);
  await until(() => {
    assert.equal(daemon.child.exitCode, null, daemon.stderr());
    return / ready /.test(daemon.stderr());
  }, 'daemon ready');
  return daemon;
}

/** Who answers new connections. */
const answers = () =>
  new Set([1, 2, 3, 4].map(() => net.exec('c', `curl -sS -m 5 http://${VIP}/`).split(' ')[0]));

describe('a configuration of a running daemon', { skip }, () => {
  let daemon: Started;
  let slow: { child: ChildProcess; printed: Promise<string> };

  before(async () => {
    await build();
    write(config({ [S1]: 1 }));
    daemon = await startDaemon('--config', file);
    slow = net.collect('c', process.execPath, script('slow-get'), VIP, '80', '/large');
    await until(
      async () => (await client('proc', 'ip_vs_conn')).stdout.includes('ESTABLISHED'),
      'connection',
    );
  });
  after(async () => {
    daemon.child.kill('SIGTERM');
    await daemon.ended;
    net.close();
    folder.remove();
  });

  test('is applied when the daemon starts, virtual addresses included', () => {
    assert.match(addresses(), /10\.0\.0\.100\/32/);
    assert.deepEqual(answers(), new Set(['s1']));
  });

  test('can be checked, with line and column', async () => {
    const bad = write(config({ [S1]: 1 }).replace('port: 80', 'port: eighty'), `${folder.path}/bad.yaml`);
    const { code, stderr } = await ipvsd(['check', bad]);
    assert.equal(code, 5);
    assert.match(
      stderr,
      /bad\.yaml:6:11: services\[0\]\.port: "eighty" is not a port \(0\.\.65535\)\n {2}6 \| {5}port: eighty\n/,
    );
  });

  test('can be compared: nothing changes', async () => {
    const next = write(config({ [S1]: 0, [S2]: 3 }), `${folder.path}/next.yaml`);
    const { code, stdout } = await client('plan', next);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `  service tcp:${VIP}:80
~     dest ${S1}:80 weight 1 -> 0
+     dest ${S2}:80 forward masq weight 3

1 added, 1 changed, 0 removed
`,
    );
    assert.deepEqual(answers(), new Set(['s1']));
  });

  test('can be applied: what changed changes, and nothing else', async () => {
    const next = `${folder.path}/next.yaml`;
    assert.equal((await client('apply', next)).stdout, 'Applied: 1 added, 1 changed, 0 removed\n');
    assert.deepEqual(answers(), new Set(['s2']));
    assert.equal((await client('apply', next)).stdout, 'No changes.\n');
  });

  test('that is refused changes nothing', async () => {
    const refused = write(
      config({ [S2]: 1, '224.0.0.1': 1 }, 'timeouts: { tcp: 77 }\n'),
      `${folder.path}/refused.yaml`,
    );
    const { code, stderr } = await client('apply', refused);
    assert.equal(code, 5);
    assert.match(
      stderr,
      /refused\.yaml:11:20: services\[0\]\.dests\[1\]\.address: a multicast address cannot be a real server/,
    );
    assert.equal((await client('apply', `${folder.path}/next.yaml`)).stdout, 'No changes.\n');
  });

  test('is read again at SIGHUP', async () => {
    write(config({ [S1]: 5 }, 'connLimit: 5000\n'));
    daemon.child.kill('SIGHUP');
    await until(() => daemon.stderr().includes('configuration applied'), 'applied');
    assert.match(daemon.stderr(), /setting not changed: it takes a restart setting=connLimit wanted=5000/);
    assert.deepEqual(answers(), new Set(['s1']));
  });

  test('that is broken at SIGHUP is told of in the log, and changes nothing', async () => {
    write('services: [');
    daemon.child.kill('SIGHUP');
    await until(() => daemon.stderr().includes('configuration not applied'), 'not applied');
    assert.match(daemon.stderr(), /ipvsd\.yaml:1:\d+: Flow sequence/);
    assert.deepEqual(answers(), new Set(['s1']));
  });

  test('can be written back, with its comments', async () => {
    write(config({ [S1]: 5 }));
    await client('apply', write(config({ [S1]: 4, [S2]: 1 }), `${folder.path}/next.yaml`));
    assert.equal((await client('save', file)).code, 0);
    assert.equal((await client('plan', file)).stdout, 'No changes.\n');
    const { stdout } = await client('save');
    assert.match(stdout, /address: 10\.0\.2\.11, port: 80, forward: masq \}/);
  });

  test('the connection of the beginning has lived through all this', async () => {
    slow.child.kill('SIGTERM');
    assert.equal(await slow.printed, `ready\n${4 << 20}\n`);
  });
});

describe('virtual addresses on interfaces', { skip }, () => {
  const net = new Namespaces('vip');
  const folder2 = temporaryFolder();
  const addresses = () => net.ip('d', '-br addr show dev lo');
  const run = async (...args: string[]): Promise<Started> => {
    const daemon = start(['run', '--netns', net.name('d'), '--socket', `${folder2.path}/s.sock`, ...args]);
    await until(() => / ready /.test(daemon.stderr()), 'daemon ready');
    return daemon;
  };
  const apply = (text: string) =>
    ipvsd(['apply', write(text, `${folder2.path}/v.yaml`), '--socket', `${folder2.path}/s.sock`]);
  const end = async (daemon: Started, signal: 'SIGTERM' | 'SIGKILL') => {
    daemon.child.kill(signal);
    await once(daemon.child, 'exit');
  };
  before(() => {
    net.add('d');
    net.address('d', 'lo', '10.9.0.1/32');
  });
  after(() => {
    net.close();
    folder2.remove();
  });

  test('come and go with the configuration; what was there before stays', async () => {
    const daemon = await run();
    const both =
      'vips:\n  - { address: 10.9.0.1, interface: lo }\n  - { address: fd00:9::1, interface: lo }\n';
    assert.equal((await apply(both)).code, 0);
    assert.match(addresses(), /10\.9\.0\.1\/32.* fd00:9::1\/128/);
    assert.match(net.ip('d', '-6 addr show dev lo'), /fd00:9::1\/128 scope global (nodad )?\n/);
    assert.equal((await apply('vips: []')).code, 0);
    assert.match(addresses(), /10\.9\.0\.1\/32/);
    assert.doesNotMatch(addresses(), /fd00:9/);
    assert.match(
      (await apply('vips:\n  - { address: 10.9.0.2, interface: eth9 }\n')).stderr,
      /v\.yaml:2:\d+: vips\[0\]\.interface: no interface "eth9"/,
    );
    await end(daemon, 'SIGTERM');
    assert.match(addresses(), /10\.9\.0\.1\/32/);
  });

  test('go with the daemon; after one that was killed, with the start of the next', async () => {
    const vip = 'vips:\n  - { address: 10.9.0.2, interface: lo }\n';
    const first = await run();
    await apply(vip);
    await end(first, 'SIGTERM');
    assert.doesNotMatch(addresses(), /10\.9\.0\.2/);
    const second = await run();
    await apply(vip);
    await end(second, 'SIGKILL');
    assert.match(addresses(), /10\.9\.0\.2/);
    await end(await run(), 'SIGTERM');
    assert.doesNotMatch(addresses(), /10\.9\.0\.2/);
  });

  test('come and go in other namespaces, with these', async () => {
    const other = net.add('e');
    const there = () => net.ip('e', '-br addr show dev lo');
    const daemon = await run();
    const text = `namespaces:\n  ${other}:\n    vips:\n      - { address: 10.9.0.3, interface: lo }\n`;
    assert.equal((await apply(text)).stdout, 'Applied: 2 added, 0 changed, 0 removed\n');
    assert.match(there(), /10\.9\.0\.3/);
    const list = await ipvsd(['netns', '--socket', `${folder2.path}/s.sock`]);
    assert.equal(list.stdout, `${net.name('d')} (default)\n${other}\n`);
    assert.match(
      (await apply(text.replace(': lo', ': eth9'))).stderr,
      /v\.yaml:4:\d+: namespaces\.\w+\.vips\[0\]\.interface: no interface "eth9"/,
    );
    assert.match(there(), /10\.9\.0\.3/, 'nothing has changed');
    assert.equal((await apply('{}')).stdout, 'Applied: 0 added, 0 changed, 1 removed\n');
    assert.doesNotMatch(there(), /10\.9\.0\.3/);
    await end(daemon, 'SIGTERM');
  });
});
