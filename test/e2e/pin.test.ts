/** Packets go on while the daemon does not: killed, started again, with connections at work and at rest. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { IPV4, IPV6, SERVERS } from '../../demo/layout.js';
import { connectDirector } from '../../src/control/client.js';
import { until } from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces, run } from './namespaces.js';
import { script } from './script.js';
import type { Many } from './tcp-many.js';

const PORT = 7;
/** Longest wait for anything, s: the machine may have much else to do. */
const PATIENCE = 60;
const endpointOf = (address: string): string =>
  address.includes(':') ? `[${address}]:${PORT}` : `${address}:${PORT}`;

describe('a daemon that is started again', rootOnly('sysctl'), () => {
  const net = new Namespaces('pin');
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-pin-'));
  const socket = join(folder, 'sock');
  const netns = net.name('director');
  let daemon: ChildProcess | undefined;
  let stderr = '';
  let inode = 0n;

  const ipvsadm = (args: string, input?: string): string =>
    run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: socket }, input);
  const ipvsd = (args: string): string =>
    run(`${process.execPath} ${IPVSD} ${args}`, { IPVSD_SOCKET: socket });
  const start = async (...flags: string[]): Promise<void> => {
    stderr = '';
    const child = spawn(process.execPath, [IPVSD, 'run', '--netns', netns, '--socket', socket, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    daemon = child;
    child.stderr.setEncoding('utf8').on('data', (said: string) => {
      stderr += said;
    });
    await eventually('the daemon does not come up', PATIENCE, () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${stderr}`);
      assert.match(stderr, /INFO +ready/);
    });
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const child = daemon;
    daemon = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const director = connectDirector({ socket });
  /** Those of earlier tests, whose end came when their services were gone, stay for their timeout. */
  let others = new Set<string>();
  const listedClients = (): string[] =>
    [...ipvsadm('-Lnc').matchAll(/ESTABLISHED +(\S+)/g)].map(([, client]) => client!);
  const established = (): number => listedClients().filter((client) => !others.has(client)).length;
  const files = (): string[] =>
    readdirSync('/run/ipvsd').filter((name) => name.startsWith(`netns-${inode}.`));
  const pinned = (): string[] =>
    ['/sys/fs/bpf', '/run/ipvsd/bpf'].filter((root) => existsSync(join(root, `ipvsd-netns-${inode}`)));

  const noteOthers = (): void => {
    others = new Set(listedClients());
  };

  /** A daemon of another namespace comes and goes, which is none of this one's business. */
  const elsewhere = async (): Promise<void> => {
    const other = join(folder, 'other.sock');
    const words = [IPVSD, 'run', '--netns', net.name('other'), '--socket', other, '--log-level', 'error'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    await eventually('no other daemon', PATIENCE, () =>
      run(`${process.execPath} ${IPVSADM} -L`, { IPVSD_SOCKET: other }),
    );
    child.kill('SIGTERM');
    await once(child, 'exit');
  };

  /** Opens connections to `vip`, and waits until they are. */
  const many = async (vip: string, busy: number, idle: number) => {
    const args = [
      'netns',
      'exec',
      net.name('client'),
      process.execPath,
      script('tcp-many'),
      vip,
      String(PORT),
    ];
    const child = spawn('ip', [...args, String(busy), String(idle)], { stdio: ['ignore', 'pipe', 'pipe'] });
    clients.push(child);
    const printed = text(child.stdout);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    await eventually('connections are not established', PATIENCE, () => assert.match(said, /established/));
    return async (): Promise<Many> => {
      child.kill('SIGTERM');
      return JSON.parse(await printed);
    };
  };
  const clients: ChildProcess[] = [];
  const received = (): number => Number(net.exec('client', 'cat /proc/net/dev').match(/eth0: *(\d+)/)![1]);

  before(async () => {
    build(net);
    net.add('other');
    inode = statSync(`/run/netns/${netns}`, { bigint: true }).ino;
    for (const n of SERVERS)
      await net.start(`server${n}`, process.execPath, script('tcp-echo'), String(PORT));
  });
  afterEach(() => end('SIGKILL'));
  after(async () => {
    director.close();
    await end('SIGKILL');
    for (const child of clients) child.kill('SIGKILL');
    ipvsd(`unpin --netns ${netns}`);
    for (const name of files()) rmSync(join('/run/ipvsd', name));
    net.close();
    rmSync(folder, { recursive: true });
  });

  const rules = (vip: string, server: (n: number) => string): string =>
    [
      `-A -t ${endpointOf(vip)} -s rr`,
      ...SERVERS.map((n) => `-a -t ${endpointOf(vip)} -r ${endpointOf(server(n))} -m`),
      '',
    ].join('\n');

  for (const family of [IPV4, IPV6]) {
    it(`killed amid transfers over ${family.name}: all go on, and it knows them all when it is back`, async () => {
      const vip = family.vip(1);
      await start('--pin', '--fast-path', 'tc');
      ipvsadm('-R', rules(vip, family.server));
      noteOthers();
      const before = await director.execute('stats', {});
      const first = await many(vip, 32, 900);
      // so long that all of these are on record
      await sleep(3000);
      // and these partly not
      const second = await many(vip, 32, 100);
      await eventually('not all are listed', PATIENCE, () => assert.equal(established(), 1064));
      await end('SIGKILL');
      const then = received();
      await sleep(2000);
      assert.ok(received() - then > 1_000_000, `${received() - then} bytes while nobody is there`);
      await elsewhere();
      await start('--pin', '--fast-path', 'tc');
      assert.match(stderr, /state restored.* connections=\d{3}/);
      await eventually('not all are listed', PATIENCE, () => assert.equal(established(), 1064));
      const counts = ipvsadm('-Ln')
        .match(/Masq +1 +(\d+) +(\d+)/g)!
        .map((line) => line.split(/ +/).slice(2).map(Number));
      assert.equal(
        counts.reduce((sum, [active]) => sum + active!, 0),
        1064,
      );
      // it has taken over what the kernel carries: only what began after the last record, and what finds another next hop, is offered to the kernel again
      const { carried, installed } = await director.execute('counters', {});
      assert.ok(carried! > 900, `${carried} carried; ${stderr}`);
      assert.ok(installed! < 300, `${installed} installed`);
      // listings lag two seconds; of the connections that began while the last record was being written, some may be missing
      await until(async () => {
        const { conns, inpkts } = await director.execute('stats', {});
        return conns - before.conns > 1050 && inpkts - before.inpkts > 64 * 50;
      }, 'counters go on');
      for (const stop of [first, second]) {
        const { failed, reason, alive, blocks } = await stop();
        assert.equal(failed, 0, reason);
        assert.equal(alive, stop === first ? 900 : 100);
        assert.equal(blocks.length, 32);
        for (const count of blocks) assert.ok(count > 50, `${count} blocks`);
      }
      ipvsadm('-C');
      await end('SIGTERM');
    });
  }

  const vip = IPV4.vip(1);

  it('killed: packets find real servers that get other hardware addresses meanwhile', async () => {
    await start('--pin', '--fast-path', 'tc');
    ipvsadm('-R', rules(vip, IPV4.server));
    noteOthers();
    const stop = await many(vip, 8, 0);
    const { carried } = await director.execute('counters', {});
    assert.ok(carried! >= 8);
    await end('SIGKILL');
    for (const n of SERVERS) {
      net.sysctl(`server${n}`, 'net/ipv4/conf/eth0/arp_notify', 1);
      net.ip(`server${n}`, `link set eth0 address 02:00:00:00:00:1${n}`);
    }
    // nobody follows neighbours: what was known of them is not relied on for long
    const first = received();
    await eventually('nothing comes', PATIENCE, () => assert.ok(received() - first > 1_000_000));
    await start('--pin', '--fast-path', 'tc');
    const { failed, reason, blocks } = await stop();
    assert.equal(failed, 0, reason);
    assert.equal(blocks.length, 8);
    ipvsadm('-C');
    await end('SIGTERM');
  });

  it('stopped: transfers go on, and begin again where only the engine carries them', async () => {
    await start('--pin', '--fast-path', 'none');
    ipvsadm('-R', rules(vip, IPV4.server));
    noteOthers();
    const stop = await many(vip, 8, 50);
    await end('SIGTERM');
    await sleep(1000);
    await start('--pin', '--fast-path', 'none');
    await eventually('not all are listed', PATIENCE, () => assert.equal(established(), 58));
    const { failed, reason, alive } = await stop();
    assert.deepEqual([failed, alive], [0, 50], reason);
    // new ones as well, to the services that it still knows
    const { alive: more } = await (await many(vip, 0, 10))();
    assert.equal(more, 10);
    ipvsadm('-C');
    await end('SIGTERM');
  });

  it('upgraded: the same process goes on as the new program', async () => {
    await start('--pin', '--fast-path', 'tc');
    ipvsadm('-R', rules(vip, IPV4.server));
    noteOthers();
    const stop = await many(vip, 8, 50);
    const { pid } = daemon!;
    const said = ipvsd('upgrade');
    assert.match(said, /^upgraded in \d+ ms; the engine took no packets for \d+ ms\n$/);
    await eventually('not all are listed', PATIENCE, () => assert.equal(established(), 58));
    process.kill(pid!, 0);
    await until(() => stderr.match(/INFO +ready/g)?.length === 2, 'the new program is ready');
    const { failed, reason, alive } = await stop();
    assert.deepEqual([failed, alive], [0, 50], reason);
    ipvsadm('-C');
    await end('SIGTERM');
    assert.equal(daemon, undefined);
    await start();
    assert.throws(() => ipvsd('upgrade'), /--pin/);
    await end('SIGTERM');
  });

  it('with --restore alone: a clean machine in between, and the services of before', async () => {
    ipvsd(`unpin --netns ${netns}`);
    const clean = machine();
    await start('--restore');
    ipvsadm('-R', rules(vip, IPV4.server));
    ipvsadm('--set 1000 0 0');
    const listed = ipvsadm('-Sn');
    await end('SIGTERM');
    assert.deepEqual(machine(), clean);
    await start('--restore');
    assert.equal(ipvsadm('-Sn'), listed);
    assert.match(ipvsadm('-L --timeout'), /: 1000 /);
    await end('SIGKILL');
    await start('--restore');
    assert.equal(ipvsadm('-Sn'), listed);
    const { alive } = await (await many(vip, 0, 10))();
    assert.equal(alive, 10);
    ipvsadm('-C');
    await end('SIGTERM');
    assert.deepEqual(machine(), clean);
  });

  it('leaves nothing after "ipvsd unpin", or a start without --pin', async () => {
    ipvsd(`unpin --netns ${netns}`);
    const clean = machine();
    for (const putBack of [
      async () => ipvsd(`unpin --netns ${netns}`),
      async () => {
        await start();
        await end('SIGTERM');
      },
    ]) {
      await start('--pin', '--fast-path', 'tc');
      // the second time they are there already
      ipvsadm('-C');
      ipvsadm('-A -f 7 -s rr');
      ipvsadm('-A -t 192.0.2.1:80 -s rr');
      assert.equal(pinned().length, 1);
      await end('SIGKILL');
      assert.notDeepEqual(machine(), clean);
      await putBack();
      assert.deepEqual(machine(), clean);
    }
  });

  /** What a daemon changes on the machine. */
  function machine(): unknown {
    return {
      links: net.exec('director', 'ip -br link').match(/^\S+/gm),
      rules: [net.ip('director', '-4 rule'), net.ip('director', '-6 rule')],
      routes: [
        net.ip('director', '-4 route show table all'),
        net.ip('director', '-6 route show table all'),
      ].map((all) => all.split('\n').filter((line) => line.includes('table 118'))),
      forwarding: net.exec('director', 'sysctl -n net.ipv4.ip_forward net.ipv4.tcp_early_demux'),
      pinned: pinned(),
    };
  }
});
