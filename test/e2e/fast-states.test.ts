/** What becomes of TCP connections that the kernel carries to their end: states, counts and timers are those of connections that the engine sees. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../demo/lab.js';
import { FAMILIES, IPV4, METHODS } from '../../demo/layout.js';
import type { Args, ConnEntry, ForwardName } from '../../src/control/command.js';
import { startTunDatapath, type TunDatapath } from '../../src/daemon/tun-datapath.js';
import { rootOnly } from '../support/require-root.js';
import type { Load } from './http-load.js';
import { Namespaces } from './namespaces.js';
import { script } from './script.js';
import { ANSWER } from './tcp-half.js';

const HTTP = 8080;
const HALF = 9000;
/** Seconds by which something is so, on a busy machine. */
const PATIENCE = 20;

describe('TCP on the fast path', rootOnly('sysctl'), () => {
  const net = new Namespaces('state');
  const state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  let datapath: TunDatapath;

  before(async () => {
    build(net);
    const own = FAMILIES.flatMap((f) => [f.server(1), ...METHODS.slice(1).map(({ vip }) => f.vip(vip))]);
    await net.start('server1', process.execPath, script('server'), 'server1', ...own);
    await net.start('server1', process.execPath, script('tcp-half'), 'serve', String(HALF));
    const quiet = (): void => {};
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    datapath = await startTunDatapath({
      netns: net.name('director'),
      stateDirectory: state,
      log,
      fastPath: 'tc',
    });
  });
  afterEach(async () => {
    await datapath.execute('flush', {});
    others = new Set((await all()).map(keyOf));
  });
  after(async () => {
    await datapath?.stop();
    net.close();
    rmSync(state, { recursive: true });
  });

  const add = async (address: string, port: number, forward: ForwardName): Promise<Args<'service.get'>> => {
    const service = { protocol: 'tcp', address, port } as const;
    await datapath.execute('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' },
    });
    const dest = { address: IPV4.server(1), port, forward, weight: 1, uThreshold: 0, lThreshold: 0 };
    await datapath.execute('dest.add', { service, dest });
    return { service };
  };
  const counts = async (args: Args<'service.get'>): Promise<readonly number[]> => {
    const [dest] = await datapath.execute('dest.list', args);
    return [dest!.activeConns, dest!.inactConns];
  };
  const all = async (): Promise<readonly ConnEntry[]> =>
    (await datapath.execute('conn.list', { limit: 1000 })).entries;
  const keyOf = ({ clientPort, virtualAddress, virtualPort }: ConnEntry): string =>
    `${clientPort} ${virtualAddress} ${virtualPort}`;
  /** Connections that other tests have left. */
  let others = new Set<string>();
  const connections = async (address: string, port: number): Promise<readonly ConnEntry[]> =>
    (await all()).filter(
      (entry) => entry.virtualAddress === address && entry.virtualPort === port && !others.has(keyOf(entry)),
    );
  /** Waits until all connections of a service are in a state. */
  const allIn = async (name: string, address: string, port: number): Promise<readonly ConnEntry[]> => {
    const end = Date.now() + PATIENCE * 1000;
    for (;;) {
      const entries = await connections(address, port);
      if (entries.length > 0 && entries.every((entry) => entry.state === name)) return entries;
      if (Date.now() > end) throw new Error(`${JSON.stringify(entries)} are not in ${name}`);
      await sleep(50);
    }
  };
  const client = (...args: string[]): Promise<string> =>
    net.collect('client', process.execPath, script('tcp-half'), ...args).printed;

  it('counts connections under load as active while they are, and as inactive afterwards', async () => {
    const vip = IPV4.vip(1);
    const service = await add(vip, HTTP, 'masq');
    const before = await datapath.counters();
    const command = `${process.execPath} ${script('http-load')} ${vip} ${HTTP} 300 16`;
    const load = JSON.parse(await net.slowly('client', command)) as Load;
    assert.deepEqual(load.answers, { 'server1 0': 300 });
    const entries = await allIn('TIME_WAIT', vip, HTTP);
    assert.equal(entries.length, 300);
    assert.deepEqual(await counts(service), [0, 300]);
    for (const { expires } of entries)
      assert.ok(expires > 120 - PATIENCE - 5 && expires <= 120, `${expires}`);
    const after = await datapath.counters();
    // the first packets, and hardly another
    const seen = after.packets - before.packets;
    assert.ok(seen >= 1 && seen < 600, `${seen} packets by TUN`);
    assert.ok(after.opened > before.opened, 'no connection was opened by the program');
    assert.ok(after.installed - before.installed >= 300);
  });

  for (const [name, number, forward, closing] of [
    ['NAT', 1, 'masq', 'CLOSE_WAIT'],
    // the director does not see that the server has not ended
    ['DR', 2, 'route', 'FIN_WAIT'],
  ] as const) {
    it(`carries half-closed connections by ${name}`, async () => {
      const vip = IPV4.vip(number);
      const service = await add(vip, HALF, forward);
      const received = client('half', vip, String(HALF));
      await allIn(closing, vip, HALF);
      assert.deepEqual(await counts(service), [0, 1]);
      const { packets } = await datapath.counters();
      assert.equal(Number(await received), ANSWER);
      assert.ok((await datapath.counters()).packets - packets < 10);
      const [entry] = await allIn(forward === 'masq' ? 'TIME_WAIT' : closing, vip, HALF);
      assert.ok(entry!.expires > 100);
    });

    it(`sees resets by ${name}`, async () => {
      const vip = IPV4.vip(number);
      await add(vip, HALF, forward);
      assert.equal(await client('reset', vip, String(HALF)), '');
      const [entry] = await allIn('CLOSE', vip, HALF);
      assert.ok(entry!.expires <= 10);
    });
  }

  it('ends connections by the time of the state that they are in', async () => {
    const vip = IPV4.vip(2);
    await add(vip, HALF, 'route');
    await datapath.execute('timeout.set', { tcpFin: 5 });
    const received = client('half', vip, String(HALF));
    await allIn('FIN_WAIT', vip, HALF);
    assert.equal(Number(await received), ANSWER);
    // acknowledgements have kept it alive so far
    const [entry] = await allIn('FIN_WAIT', vip, HALF);
    assert.ok(entry!.expires <= 5);
    const end = Date.now() + PATIENCE * 1000;
    while ((await connections(vip, HALF)).length > 0) {
      assert.ok(Date.now() < end, 'it does not end');
      await sleep(100);
    }
    await datapath.execute('timeout.set', { tcpFin: 120 });
  });
});
