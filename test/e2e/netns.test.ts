/** One daemon for several network namespaces whose hosts have equal addresses: nothing of one is seen in another. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, IPVSADM } from '../../demo/lab.js';
import { netnsInode } from '../../src/linux/netns-names.js';
import { IPVSD, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, run, skipReason } from './namespaces.js';

const skip = skipReason('curl', 'sysctl');
const WORLDS = ['blue', 'green', 'red'] as const;
type World = (typeof WORLDS)[number];
const FAMILIES = {
  inet: { vip: '10.0.0.100', url: '10.0.0.100', server: '10.0.1.11' },
  inet6: { vip: '2001:db8::100', url: '[2001:db8::100]', server: '[2001:db8:1::11]' },
} as const;

const net = new Namespaces('ns');
const folder = temporaryFolder();
const socket = join(folder.path, 'ipvsd.sock');
const director = (world: World): string => net.name(`${world}-d`);
let daemon: ChildProcess | undefined;
let log = '';

/** client - director - server, in each world with the same names of interfaces and the same addresses. */
async function build(world: World): Promise<void> {
  for (const host of ['c', 'd', 's']) net.add(`${world}-${host}`);
  net.connect(`${world}-c`, 'eth0', `${world}-d`, 'eth0');
  net.connect(`${world}-d`, 'eth1', `${world}-s`, 'eth0');
  net.address(`${world}-c`, 'eth0', '10.0.0.2/24', '2001:db8::2/64');
  net.address(`${world}-d`, 'eth0', '10.0.0.1/24', '2001:db8::1/64', '10.0.0.100/32', '2001:db8::100/128');
  net.address(`${world}-d`, 'eth1', '10.0.1.1/24', '2001:db8:1::1/64');
  net.address(`${world}-s`, 'eth0', '10.0.1.11/24', '2001:db8:1::11/64');
  net.ip(`${world}-s`, 'route add default via 10.0.1.1');
  net.ip(`${world}-s`, '-6 route add default via 2001:db8:1::1');
  const server = fileURLToPath(new URL('./server.js', import.meta.url));
  await net.start(`${world}-s`, process.execPath, server, world);
}

async function startDaemon(...worlds: World[]): Promise<void> {
  const names = worlds.flatMap((world) => ['--netns', director(world)]);
  log = '';
  const child = spawn(process.execPath, [IPVSD, 'run', '--socket', socket, ...names]);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  daemon = child;
  await until(() => {
    assert.equal(child.exitCode, null, log);
    return / ready /.test(log);
  }, 'daemon ready');
}

async function endDaemon(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (daemon === undefined) return;
  const ended = once(daemon, 'exit');
  daemon.kill(signal);
  daemon = undefined;
  await ended;
}

const env = { IPVSD_SOCKET: socket };
const ipvsd = (args: string): string => run(`${process.execPath} ${IPVSD} ${args}`, env);
const ipvsadm = (world: World, args: string): string =>
  run(`${process.execPath} ${IPVSADM} --netns ${director(world)} ${args}`, env);
/** Who answers at a virtual address. @throws when nobody does */
const http = (world: World, url: string): string =>
  net.exec(`${world}-c`, `curl -sS -m 3 http://${url}/`).split(' ')[0]!;

/** HTTP at both virtual addresses, from the one server. */
function balance(world: World): void {
  for (const { url, server } of Object.values(FAMILIES)) {
    ipvsadm(world, `-A -t ${url}:80 -s rr`);
    ipvsadm(world, `-a -t ${url}:80 -r ${server}:80 -m`);
  }
}

/** Everything of a director's host that a data path may touch. */
function snapshot(world: World): string {
  const host = `${world}-d`;
  const sysctls = net.exec(
    host,
    'sysctl -a --pattern ^net\\.ipv[46]\\.(conf|ip_forward|tcp_early|udp_early)',
  );
  const ip = ['rule', '-6 rule', 'route show table all', '-6 route show table all', '-br link'];
  return [...ip.map((args) => net.ip(host, args)), ...sysctls.split('\n').sort()].join('\n');
}

const journal = (world: World): string => `/run/ipvsd/netns-${netnsInode(director(world))}.state`;
/** Names and number of the daemon's threads of data paths: each holds the namespace that it is in. */
const holders = (inode: string): number =>
  readdirSync(`/proc/${daemon!.pid}/task`).filter((task) => namespaceOf(task) === `net:[${inode}]`).length;

/** The namespace that a thread is in; undefined when it has just ended. */
function namespaceOf(task: string): string | undefined {
  try {
    return readlinkSync(`/proc/${daemon!.pid}/task/${task}/ns/net`);
  } catch {
    return undefined;
  }
}

describe('network namespaces of one daemon', { skip }, () => {
  const untouched = new Map<World, string>();

  before(async () => {
    for (const world of WORLDS) await build(world);
    // link-local addresses appear by themselves: not while we compare
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const world of WORLDS) untouched.set(world, snapshot(world));
  });
  afterEach(() => endDaemon());
  after(async () => {
    await endDaemon();
    net.close();
    folder.remove();
  });

  it('balances in each what that one has, at equal addresses', async () => {
    await startDaemon('blue', 'green');
    balance('blue');
    for (const { url } of Object.values(FAMILIES)) {
      assert.equal(http('blue', url), 'blue');
      assert.throws(() => http('green', url), /Failed to connect|Couldn't connect|refused/);
    }
    balance('green');
    for (const { url } of Object.values(FAMILIES)) {
      assert.equal(http('blue', url), 'blue');
      assert.equal(http('green', url), 'green');
    }
    ipvsadm('blue', '-C');
    assert.throws(() => http('blue', FAMILIES.inet.url));
    assert.equal(http('green', FAMILIES.inet.url), 'green');
  });

  it('counts, lists and sets in each by itself', async () => {
    await startDaemon('blue', 'green');
    for (const world of ['blue', 'green'] as const) balance(world);
    for (let i = 0; i < 3; i++) http('blue', FAMILIES.inet.url);
    http('green', FAMILIES.inet.url);
    const conns = (world: World): number => ipvsadm(world, '-Lnc').split('10.0.0.2:').length - 1;
    assert.deepEqual([conns('blue'), conns('green')], [3, 1]);
    const total = (world: World): string =>
      ipvsd(`proc ip_vs_stats --netns ${director(world)}`)
        .split('\n')[2]!
        .trim()
        .split(/\s+/)[0]!;
    // counters are sampled each two seconds
    await until(
      () => total('blue') === '3' && total('green') === '1',
      'three connections in one, one in the other',
    );
    ipvsd(`sysctl conn_reuse_mode=0 --netns ${director('green')}`);
    const mode = (more: NodeJS.ProcessEnv): string =>
      run(`${process.execPath} ${IPVSD} sysctl conn_reuse_mode`, { ...env, ...more });
    // without a name it is the first; the environment may name one
    assert.match(mode({}), /= 1/);
    assert.match(mode({ IPVSD_NETNS: director('green') }), /= 0/);
    ipvsd(`sysctl debug_level=11 --netns ${director('green')}`);
    for (const world of ['blue', 'green'] as const) http(world, FAMILIES.inet.url);
    const traced = `debug netns=${director('green')} text="Incoming packet: TCP 10.0.0.2:`;
    await until(() => log.includes(traced), 'packets of one in the log');
    assert.equal(log.includes(`debug netns=${director('blue')}`), false);
    // what is not sampled yet would come after the zero
    await until(() => total('green') === '2', 'the second connection of the other');
    ipvsadm('green', '-Z');
    assert.equal(total('green'), '0');
    assert.notEqual(total('blue'), '0');
  });

  it('takes one in while it runs, and gives it up without a trace', async () => {
    await startDaemon('blue');
    balance('blue');
    assert.throws(() => ipvsadm('red', '-Ln'), /"ns\d+red-d" is not served/);
    ipvsd(`netns add ${director('red')}`);
    assert.equal(ipvsd('netns'), `${director('blue')} (default)\n${director('red')}\n`);
    balance('red');
    assert.equal(http('red', FAMILIES.inet.url), 'red');
    assert.ok(existsSync(journal('red')));
    const inode = netnsInode(director('red'))!;
    assert.equal(holders(inode), 1);

    ipvsd(`netns remove ${director('red')}`);
    assert.equal(snapshot('red'), untouched.get('red'));
    assert.equal(existsSync(journal('red')), false);
    await until(() => holders(inode) === 0, 'no thread in it');
    assert.equal(http('blue', FAMILIES.inet6.url), 'blue');
  });

  it('lets a namespace go whose name vanishes', async () => {
    net.add('doomed');
    const name = net.name('doomed');
    await startDaemon('blue');
    ipvsd(`netns add ${name}`);
    const inode = netnsInode(name)!;
    run(`ip netns del ${name}`);
    await until(() => !ipvsd('netns').includes(name), 'it is given up');
    await until(() => holders(inode) === 0, 'no thread in it');
    assert.equal(existsSync(`/run/ipvsd/netns-${inode}.state`), false);
    await until(() => /namespace vanished: no longer served/.test(log), 'a line in the log');
    // another one of the same name is another one
    net.add('doomed');
    ipvsd(`netns add ${name}`);
    assert.match(ipvsd('netns'), new RegExp(`^${name}$`, 'm'));
  });

  it('refuses one that another daemon serves', async () => {
    await startDaemon('blue', 'green');
    const second = `run --socket ${join(folder.path, 'second.sock')} --netns ${director('green')}`;
    assert.throws(() => ipvsd(second), /another process has ipvsd0 in this network namespace/);
    assert.throws(() => ipvsd(`${second} --device other0`), /another process has ipvsd0/);
    balance('green');
    assert.equal(http('green', FAMILIES.inet.url), 'green');
  });

  it('repairs all that a killed daemon has left, also where the next one has nothing to do', async () => {
    await startDaemon('blue', 'green');
    ipvsd(`netns add ${director('red')}`);
    for (const world of WORLDS) balance(world);
    await endDaemon('SIGKILL');
    for (const world of WORLDS) assert.notEqual(snapshot(world), untouched.get(world));
    await startDaemon('blue');
    // by this daemon, or by one of another test that has started meanwhile
    for (const world of ['green', 'red'] as const)
      await eventually(`${world} is not repaired`, 20, () => {
        assert.equal(snapshot(world), untouched.get(world), world);
        assert.equal(existsSync(journal(world)), false);
      });
    balance('blue');
    assert.equal(http('blue', FAMILIES.inet.url), 'blue');
    await endDaemon();
    assert.equal(snapshot('blue'), untouched.get('blue'));
  });
});
