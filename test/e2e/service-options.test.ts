/** Options of services with real packets: timeouts, also of what the fast path carries; UDP of a server that is gone; the MSS of what goes through tunnels. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ipvsd, type Started, start, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, skipReason } from './namespaces.js';
import { script } from './script.js';

const net = new Namespaces('opt');
const folder = temporaryFolder();
const socket = `${folder.path}/s.sock`;
const [NAT, TUNNEL] = ['10.0.0.100', '10.0.0.101'];
const SERVERS = [1, 2] as const;

function config(udpServers: readonly number[]): string {
  const path = `${folder.path}/ipvsd.yaml`;
  writeFileSync(
    path,
    `vips:
  - { address: ${NAT}, interface: eth0 }
  - { address: ${TUNNEL}, interface: eth0 }
services:
  - protocol: udp
    address: ${NAT}
    port: 53
    timeouts: { udp: 20 }
    clearUdp: true
    dests: [${udpServers.map((n) => `{ address: 10.0.${n}.11, port: 53, forward: masq }`).join(', ')}]
  - protocol: tcp
    address: ${NAT}
    port: 80
    timeouts: { established: 8 }
    dests: [{ address: 10.0.1.11, port: 80, forward: masq }]
  - protocol: tcp
    address: ${TUNNEL}
    port: 80
    clampMss: true
    dests: [{ address: 10.0.1.11, port: 80, forward: tunnel }]
`,
  );
  return path;
}

const client = (...args: string[]) => ipvsd([...args, '--socket', socket]);
const conns = async (...args: string[]): Promise<string> => (await client('conns', ...args)).stdout;

describe('options of services', { skip: skipReason('ss') }, () => {
  let daemon: Started;

  before(async () => {
    for (const name of ['c', 'd']) net.add(name);
    net.connect('c', 'eth0', 'd', 'eth0');
    net.address('c', 'eth0', '10.0.0.2/24');
    net.address('d', 'eth0', '10.0.0.1/24');
    net.sysctl('d', 'net/ipv4/ip_forward', 1);
    for (const n of SERVERS) {
      net.add(`s${n}`);
      net.connect('d', `eth${n}`, `s${n}`, 'eth0');
      net.address('d', `eth${n}`, `10.0.${n}.1/24`);
      net.address(`s${n}`, 'eth0', `10.0.${n}.11/24`);
      net.ip(`s${n}`, `route add default via 10.0.${n}.1`);
      net.address(`s${n}`, 'lo', `${TUNNEL}/32`);
      await net.start(`s${n}`, process.execPath, script('server'), `s${n}`, `10.0.${n}.11`);
    }
    // answers out of the tunnel come back through the director, from an address of its own
    net.sysctl('d', 'net/ipv4/conf/eth1/accept_local', 1);
    for (const name of ['all', 'eth1']) net.sysctl('d', `net/ipv4/conf/${name}/rp_filter`, 0);
    await net.spawn(process.execPath, script('decap-child'), net.name('s1'));
    daemon = start(['run', '--netns', net.name('d'), '--socket', socket, '--config', config([1])]);
    await until(() => {
      assert.equal(daemon.child.exitCode, null, daemon.stderr());
      return / ready /.test(daemon.stderr());
    }, 'daemon ready');
  });
  after(async () => {
    daemon.child.kill('SIGTERM');
    await daemon.ended;
    net.close();
    folder.remove();
  });

  test('a connection lives as long as its service says, carried or not', async () => {
    const idle = await net.start('c', process.execPath, script('idle-client'), NAT, '80');
    const begun = Date.now();
    assert.match(await conns('--virtual', `${NAT}:80`), /ESTABLISHED/);
    await until(async () => !(await conns('--virtual', `${NAT}:80`)).includes('ESTABLISHED'), 'its end');
    // the protocol's is 15 minutes
    assert.ok(Date.now() - begun > 5000);
    idle.kill('SIGKILL');
  });

  test('a UDP client that never pauses has another server as soon as its own is gone', async () => {
    const { child, printed } = net.collect(
      'c',
      process.execPath,
      script('udp-flow'),
      NAT,
      '53',
      '100000',
      '20',
      '1000',
    );
    await until(async () => (await conns('--virtual', `${NAT}:53`)).includes('10.0.1.11'), 'a connection');
    await sleep(500);
    assert.equal((await client('apply', config([2]))).code, 0);
    await until(async () => (await conns('--virtual', `${NAT}:53`)).includes('10.0.2.11'), 'another server');
    await sleep(500);
    child.kill('SIGTERM');
    const answers = JSON.parse((await printed).replace('ready', '')) as Record<string, number>;
    assert.ok(answers.s1! > 0 && answers.s2! > 0, JSON.stringify(answers));
    assert.ok((answers.nobody ?? 0) <= 2, JSON.stringify(answers));
  });

  test('SYNs through a tunnel name an MSS that fits into it, in both directions', async () => {
    const idle = await net.start('c', process.execPath, script('idle-client'), TUNNEL, '80');
    const mss = (name: string, filter: string): number =>
      Number(/\smss:(\d+)/.exec(net.exec(name, `ss -Hitn state established ${filter}`))?.[1]);
    // 1500 less two IP headers, TCP's, and the timestamps that every segment has
    assert.equal(mss('s1', `src ${TUNNEL} sport = :80`), 1500 - 20 - 20 - 20 - 12);
    assert.equal(mss('c', `dst ${TUNNEL} dport = :80`), 1500 - 20 - 20 - 20 - 12);
    idle.kill('SIGKILL');
  });
});
