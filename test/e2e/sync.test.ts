/** Connections carry over from one director to another: ipvsd to ipvsd, and to and from the kernel's IPVS. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Args, CommandName, Result } from '../../src/control/command.js';
import { startTunDatapath, type TunDatapath } from '../../src/daemon/tun-datapath.js';
import { KernelDirector } from './kernel-director.js';
import { skipReason } from './namespaces.js';
import { addresses, type DirectorName, mac, PORT, RULES, SyncLab, VIPS } from './sync-lab.js';

const skip = skipReason('socat', 'sysctl', 'linux.uml', 'ipvsadm');
/** What is said on each stream where many packets matter. */
const LINES = 60;
const SYNC = { interface: 'eth0', syncid: 7 } as const;

/** Waits until `look` gives something true. */
async function until<T>(what: string, seconds: number, look: () => Promise<T> | T): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `${what}: not within ${seconds} s`);
    await sleep(100);
  }
}

/** A director that is ipvsd. */
class Ipvsd {
  readonly #datapath: TunDatapath;
  readonly #state: string;

  private constructor(datapath: TunDatapath, state: string) {
    this.#datapath = datapath;
    this.#state = state;
  }

  static async start(lab: SyncLab, name: DirectorName): Promise<Ipvsd> {
    lab.addDirector(name);
    const state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
    const quiet = (): void => {};
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const ipvsd = new Ipvsd(
      await startTunDatapath({ netns: lab.net.name(name), stateDirectory: state, log }),
      state,
    );
    for (const [i, vip] of VIPS.entries()) {
      const service = { protocol: 'tcp', address: vip, port: PORT } as const;
      const settings = {
        scheduler: 'rr',
        flags: [],
        timeout: 0,
        netmask: i === 0 ? '255.255.255.255' : '128',
      };
      const dest = {
        address: vip.replace('79', '77').replace('100', '2'),
        port: PORT,
        forward: 'masq',
      } as const;
      await ipvsd.do('service.add', { service: { ...service, ...settings } });
      await ipvsd.do('dest.add', { service, dest: { ...dest, weight: 1, uThreshold: 0, lThreshold: 0 } });
    }
    return ipvsd;
  }

  do<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    return this.#datapath.execute(name, args);
  }

  /** Packets that its tc program has carried, and that have come to its engine. */
  async packets(): Promise<readonly [carried: number, seen: number]> {
    const { tcPackets, packets } = await this.#datapath.counters();
    return [tcPackets, packets];
  }

  /** Rows of connections in a state, from anybody or from a master. */
  async count(state: string, origin?: 'SYNC'): Promise<number> {
    const { entries } = await this.do('conn.list', {});
    return entries.filter((e) => e.state === state && e.origin === (origin ?? e.origin)).length;
  }

  async stop(): Promise<void> {
    await this.#datapath.stop();
    rmSync(this.#state, { recursive: true, force: true });
  }
}

describe('connections carry over', { skip }, () => {
  for (const [name, options] of Object.entries({
    'over IPv4': {},
    'over IPv6, several ports, version 1': { group: 'ff02::81', port: 9000, ttl: 3 },
  })) {
    it(`from ipvsd to ipvsd, ${name}`, async () => {
      const lab = new SyncLab();
      const directors: Ipvsd[] = [];
      try {
        await lab.open();
        for (const director of ['a', 'b'] as const) directors.push(await Ipvsd.start(lab, director));
        const [a, b] = directors as [Ipvsd, Ipvsd];
        if ('port' in options)
          for (const d of directors) await d.do('sysctl.set', { name: 'sync_ports', value: '4' });
        await a.do('daemon.start', { daemon: { state: 'master', ...SYNC, ...options } });
        await b.do('daemon.start', { daemon: { state: 'backup', ...SYNC, ...options } });
        lab.use('a');
        const streams = VIPS.map((vip) => lab.stream(vip));
        for (const stream of streams) assert.equal(await stream.say('one'), 'one');
        await until('b knows them', 10, async () => (await b.count('ESTABLISHED', 'SYNC')) === 2);
        assert.equal(await a.count('ESTABLISHED', 'SYNC'), 0);
        lab.use('b');
        for (const stream of streams) assert.equal(await stream.say('two'), 'two');
        await until('b counts packets', 5, async () => (await b.do('stats', {})).inpkts > 0);
        for (const stream of streams) stream.close();
      } finally {
        for (const director of directors) await director.stop();
        lab.close();
      }
    });
  }

  it('from ipvsd to ipvsd, while the kernel carries them', async () => {
    const lab = new SyncLab();
    const directors: Ipvsd[] = [];
    try {
      await lab.open();
      for (const director of ['a', 'b'] as const) directors.push(await Ipvsd.start(lab, director));
      const [a, b] = directors as [Ipvsd, Ipvsd];
      await a.do('daemon.start', { daemon: { state: 'master', ...SYNC } });
      await b.do('daemon.start', { daemon: { state: 'backup', ...SYNC } });
      lab.use('a');
      const [staying, ending] = [0, 1].map(() => VIPS.map((vip) => lab.stream(vip)));
      const before = await a.packets();
      for (let i = 0; i < LINES; i++) {
        for (const stream of [...staying!, ...ending!]) assert.equal(await stream.say(`${i}`), `${i}`);
      }
      const after = await a.packets();
      // each line is a packet to the server and one back, at the least
      assert.ok(after[0] - before[0] >= 4 * 2 * LINES, `${before} to ${after}`);
      assert.ok(after[1] - before[1] < LINES, `${before} to ${after}`);
      await until('b knows them', 20, async () => (await b.count('ESTABLISHED', 'SYNC')) === 4);
      for (const stream of ending!) stream.close();
      await until('b hears of an end', 20, async () => (await b.count('ESTABLISHED', 'SYNC')) === 2);
      lab.use('b');
      for (let i = 0; i < LINES; i++)
        for (const stream of staying!) assert.equal(await stream.say(`more ${i}`), `more ${i}`);
      await until('b carries', 20, async () => (await b.packets())[0] > LINES);
      for (const stream of staying!) stream.close();
    } finally {
      for (const director of directors) await director.stop();
      lab.close();
    }
  });

  describe('between ipvsd and the kernel', () => {
    const lab = new SyncLab();
    let kernel: KernelDirector;
    let ipvsd: Ipvsd;
    before(async () => {
      await lab.open();
      lab.net.ip('w', 'tuntap add dev tap0 mode tap');
      lab.net.ip('w', 'link set tap0 master br0 up');
      kernel = new KernelDirector({
        netns: lab.net.name('w'),
        tap: 'tap0',
        mac: mac('a'),
        addresses: addresses('a'),
        vips: VIPS,
        ipvsadm: [
          ...RULES,
          '--start-daemon master --mcast-interface eth0 --syncid 7',
          '--start-daemon backup --mcast-interface eth0 --syncid 7',
        ],
      });
      ipvsd = await Ipvsd.start(lab, 'b');
      await ipvsd.do('daemon.start', { daemon: { state: 'master', ...SYNC } });
      await ipvsd.do('daemon.start', { daemon: { state: 'backup', ...SYNC } });
      await until(`the kernel is up\n${kernel.log}`, 60, () => kernel.connections() !== '');
    });
    after(async () => {
      await ipvsd?.stop();
      await kernel?.close();
      lab.close();
    });

    const known = (state: string): number => kernel.connections().split(` ${state} `).length - 1;

    it('the kernel is the master', async () => {
      lab.use('a');
      const streams = VIPS.map((vip) => lab.stream(vip));
      for (const stream of streams) assert.equal(await stream.say('one'), 'one', kernel.log);
      await until('ipvsd knows them', 10, async () => (await ipvsd.count('ESTABLISHED', 'SYNC')) === 2);
      lab.use('b');
      for (const stream of streams) assert.equal(await stream.say('two'), 'two');
      for (const stream of streams) stream.close();
      await until('ipvsd sees their end', 5, async () => (await ipvsd.count('ESTABLISHED')) === 0);
      await until('the kernel hears of it', 10, () => known('ESTABLISHED') === 0);
    });

    it('ipvsd is the master', async () => {
      lab.use('b');
      const streams = VIPS.map((vip) => lab.stream(vip));
      for (const stream of streams) assert.equal(await stream.say('one'), 'one');
      await until('the kernel knows them', 10, () => known('ESTABLISHED') === 2);
      lab.use('a');
      for (const stream of streams) assert.equal(await stream.say('two'), 'two');
      for (const stream of streams) stream.close();
      await until('the kernel sees their end', 5, () => known('ESTABLISHED') === 0);
      await until('ipvsd hears of it', 10, async () => (await ipvsd.count('ESTABLISHED')) === 0);
    });
  });
});
