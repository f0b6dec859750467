/** A director goes on where another one has ended: whatever was done before, nothing that can be seen differs. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { NullHost } from '../../../bench/support/null-host.js';
import { ascii } from '../../../test/support/bytes.js';
import { packetOf } from '../../../test/support/packet-of.js';
import { ACK, FIN, RST, SYN, type TcpOptions, tcp, udp } from '../../../test/support/packets.js';
import type { Args, CommandName, Director, ServiceSpec } from '../../control/command.js';
import { serviceOf } from '../../control/drain-list.js';
import { EngineDirector } from '../../control/engine-director.js';
import { NO_MACHINE, VipDirector } from '../../control/vip-director.js';
import { C_CONTROL, C_DEST, C_EXPIRES, C_FLAGS, HOT_SHIFT } from '../../engine/conn-table.js';
import { CONN_F_HASHED } from '../../engine/flags.js';
import { Net } from '../../engine/net.js';
import { IpvsError } from '../../errors.js';
import { defaultsOf } from './restore-rules.js';
import { StateKeeper } from './state-keeper.js';

const folder = mkdtempSync(join(tmpdir(), 'ipvsd-state-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** A host on which sync daemons start. */
class Wired extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' ? 1500 : undefined;
  }
}

const FAMILIES = [
  { client: '10.1.0.', vip: '10.1.0.100', server: '10.2.0.', netmask: '255.255.255.255' },
  { client: 'fd00:1::b:', vip: 'fd00:1::a:100', server: 'fd00:2:7::', netmask: '128' },
] as const;

const CLIENT = '10.1.0.10';
const VIP = '10.1.0.100';
const SERVER = '10.2.0.11';

/** One director that is kept on record in files of `name`. */
class Kept {
  readonly net = new Net({ host: new Wired([]), random: () => 42, connLimit: 256 });
  readonly reports: string[] = [];
  readonly keeper: StateKeeper;
  readonly director: Director;
  readonly vips: VipDirector;
  now = 0;

  /** @param begun CLOCK_MONOTONIC, ms, when it is made. */
  constructor(name: string, begun: number) {
    const state = {
      rules: join(folder, `${name}.rules`),
      conns: join(folder, `${name}.conns`),
      namespace: 'a namespace',
      pinned: false,
      defaults: defaultsOf(this.net.ipvs),
      clock: () => begun + this.now,
    };
    this.keeper = new StateKeeper(this.net, state, (level, message, fields) => {
      if (level !== 'info') this.reports.push(`${message} ${JSON.stringify(fields)}`);
    });
    this.net.ipvs.onDrained = ({ dest }) => {
      this.keeper.changed(serviceOf(dest));
      this.keeper.save();
    };
    this.vips = new VipDirector(new EngineDirector(this.net), NO_MACHINE);
    this.director = this.keeper.recording(this.vips);
  }

  async start(): Promise<this> {
    await this.keeper.resume(this.keeper.restore(), this.vips, () => this.vips.vips);
    this.keeper.save();
    return this;
  }

  /** What cannot be done is an error, and that is as good. */
  async command<N extends CommandName>(name: N, args: Args<N>): Promise<void> {
    try {
      await this.director.execute(name, args);
    } catch (error) {
      assert.ok(error instanceof IpvsError);
    }
    this.keeper.save();
  }

  /** All that people can see. */
  async seen(): Promise<unknown> {
    const ask = <N extends CommandName>(name: N, args: Args<N>) => this.director.execute(name, args);
    return {
      services: await ask('service.page', { limit: 1000 }),
      conns: await ask('conn.list', {}),
      drains: await ask('drain.list', {}),
      info: await ask('info', {}),
      stats: await ask('stats', {}),
      sysctls: await ask('sysctl.list', {}),
      timeouts: await ask('timeout.get', {}),
      daemons: await ask('daemon.list', {}),
      vips: await ask('vip.list', {}),
      proc: await Promise.all(
        ['ip_vs', 'ip_vs_conn', 'ip_vs_conn_sync'].map((name) => ask('proc', { name })),
      ),
    };
  }

  /** What becomes of a packet. */
  receive(hook: number, bytes: Uint8Array): Uint8Array {
    const p = packetOf(bytes);
    p.ifindex = 2;
    this.net.receive(p, hook);
    return p.payload().slice();
  }

  /** Jiffies that each connection has left. */
  left(): number[] {
    const { conns: t } = this.net.ipvs;
    const places = Array.from({ length: t.highWater }, (_, c) => c).filter((c) => t.isUsed(c));
    return places.map((c) => (t.hot[(c << HOT_SHIFT) + C_EXPIRES]! - this.net.jiffies) | 0);
  }

  /** What nobody sees, but packets meet: of each connection all that is no number of this engine or a time, and for how long it lives. */
  hidden(): unknown {
    const { conns: t, dests, connTimers } = this.net.ipvs;
    const out: unknown[] = [];
    for (let c = 0; c < t.highWater; c++) {
      if (!t.isUsed(c)) continue;
      const h = c << HOT_SHIFT;
      const words = [...t.hot.subarray(h + 2, h + (1 << HOT_SHIFT))];
      for (const number of [C_EXPIRES, C_CONTROL, C_DEST]) words[number - 2] = 0;
      const dest = dests[t.hot[h + C_DEST]! - 1] ?? null;
      const control = t.hot[h + C_CONTROL]! - 1;
      out.push({
        words,
        dest: dest && [dest.addr, dest.port, dest.vport, dest.available],
        control: control >= 0 && [
          t.hot[(control << HOT_SHIFT) + C_FLAGS]! & CONN_F_HASHED,
          t.cport(control),
          t.vport(control),
        ],
        left: (t.hot[h + C_EXPIRES]! - this.net.jiffies) | 0,
        timed: connTimers.pending(c),
      });
    }
    const counted = dests
      .filter((d) => d !== null)
      .map((d) => [
        d.addr,
        d.port,
        d.vport,
        d.refcnt,
        d.activeconns,
        d.totalconns,
        d.persistconns,
        d.flags,
        d.uThreshold,
        d.lThreshold,
        d.ending,
        d.drain && { ...d.drain, since: (this.net.jiffies - d.drain.since) | 0 },
        d.stats,
      ]);
    // free places, and free numbers, are taken in another order
    return { out: sorted(out), counted: sorted(counted), noCport: t.noCport, count: t.count };
  }
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort();
}

interface Step {
  readonly family: 0 | 1;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly client: number;
  readonly server: number;
  readonly flags: number;
  readonly wait: number;
  readonly what:
    | 'client'
    | 'server'
    | 'addService'
    | 'deleteService'
    | 'addDest'
    | 'editDest'
    | 'deleteDest'
    | 'drain'
    | 'undrain'
    | 'setting'
    | 'turn';
}

const steps = fc.array(
  fc.record<Step>({
    family: fc.constantFrom(0, 1),
    protocol: fc.constantFrom('tcp', 'udp'),
    port: fc.constantFrom(21, 80),
    client: fc.integer({ min: 1, max: 6 }),
    server: fc.integer({ min: 1, max: 3 }),
    flags: fc.constantFrom(SYN, SYN, ACK, SYN | ACK, FIN | ACK, RST),
    wait: fc.constantFrom(0, 0, 10, 1000, 30_000),
    what: fc.constantFrom(
      'client',
      'client',
      'client',
      'client',
      'server',
      'addService',
      'deleteService',
      'addDest',
      'addDest',
      'addDest',
      'editDest',
      'deleteDest',
      'drain',
      'undrain',
      'setting',
      'turn',
    ),
  }),
  { minLength: 20, maxLength: 80 },
);

async function play(kept: Kept, s: Step): Promise<void> {
  kept.now += s.wait;
  kept.net.advance(kept.now);
  const { client, vip, server, netmask } = FAMILIES[s.family];
  const service = { protocol: s.protocol, address: vip, port: s.port };
  const dest = { address: `${server}${s.server}`, port: s.port };
  const spec: ServiceSpec = {
    ...service,
    scheduler: 'lc',
    flags: s.client > 3 ? ['persistent'] : [],
    timeout: s.client > 3 ? 300 : 0,
    netmask,
  };
  const forward = (['masq', 'route', 'tunnel'] as const)[s.server - 1]!;
  const limits = { weight: s.client, uThreshold: s.client > 4 ? 2 : 0, lThreshold: s.client === 6 ? 1 : 0 };
  switch (s.what) {
    case 'client':
    case 'server': {
      const asker = [`${client}${s.client}`, 4000 + s.client] as const;
      const from: readonly [string, number] = s.what === 'client' ? asker : [dest.address, dest.port];
      const to: readonly [string, number] = s.what === 'client' ? [vip, s.port] : asker;
      const p = packetOf(s.protocol === 'tcp' ? tcp(...from, ...to, s.flags, {}) : udp(...from, ...to, {}));
      p.ifindex = 2;
      kept.net.receive(p, s.what === 'client' ? 1 : 2);
      return;
    }
    case 'addService':
      return kept.command('service.add', { service: spec });
    case 'deleteService':
      return kept.command('service.delete', { service });
    case 'addDest':
      await kept.command('service.add', { service: spec });
      return kept.command('dest.add', { service, dest: { ...dest, forward, ...limits } });
    case 'editDest':
      return kept.command('dest.edit', { service, dest: { ...dest, forward, ...limits, weight: 0 } });
    case 'deleteDest':
      return kept.command('dest.delete', { service, dest });
    case 'drain': {
      const end = (['none', 'rst', 'icmp'] as const)[s.client % 3]!;
      return kept.command('dest.drain', { service, dest, deadline: s.client > 3 ? 5 : 0, end });
    }
    case 'undrain':
      return kept.command('dest.undrain', { service, dest });
    case 'setting': {
      await kept.command('sysctl.set', { name: 'sync_threshold', value: `${s.client}\t${10 * s.client}` });
      await kept.command('timeout.set', { tcp: 100 * s.client, udp: s.client });
      await kept.command('vip.add', { vip: { address: vip, interface: 'eth0' } });
      const daemon = { state: 'master', interface: 'eth0', syncid: s.client } as const;
      return s.server === 1
        ? kept.command('daemon.stop', { state: 'master' })
        : kept.command('daemon.start', { daemon });
    }
    default:
      kept.keeper.turn();
  }
}

describe('state on record', () => {
  it('comes back whole: rules, connections, timers, counters', async () => {
    let connections = 0;
    await fc.assert(
      fc.asyncProperty(steps, steps, fc.constantFrom(0, 0, 700, 20_000), async (played, later, gap) => {
        const name = `random${files++}`;
        const a = await new Kept(name, 5000).start();
        for (const step of played) await play(a, step);
        a.keeper.close();
        connections += a.net.ipvs.conns.count;
        const b = await new Kept(name, 5000 + a.now + gap).start();
        assert.deepEqual([...a.reports, ...b.reports], []);
        if (gap === 0) {
          assert.deepEqual(b.hidden(), a.hidden());
          assert.deepEqual(await b.seen(), await a.seen());
          for (const step of later) {
            for (const kept of [a, b]) await play(kept, { ...step, wait: 0 });
          }
          assert.deepEqual(b.hidden(), a.hidden());
          return;
        }
        // time has gone on for connections: those that would have ended by now do so at the first tick, and no other
        const ends = a.left().map((left) => left - gap / 10);
        assert.deepEqual(b.left(), ends);
        b.net.advance(10);
        assert.ok(b.left().length >= ends.filter((left) => left > 1).length);
        b.net.advance(gap);
        for (const left of b.left()) assert.ok(left > 0, `${left}`);
      }),
      { numRuns: 100 },
    );
    assert.ok(connections > 100, `${connections} connections`);
  });

  it('has what connection tracking and the FTP helper know', async () => {
    const name = `ftp${files++}`;
    const a = await new Kept(name, 0).start();
    const service = { protocol: 'tcp', address: VIP, port: 21 } as const;
    const dest = {
      address: SERVER,
      port: 21,
      forward: 'masq',
      weight: 1,
      uThreshold: 0,
      lThreshold: 0,
    } as const;
    await a.command('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' },
    });
    await a.command('dest.add', { service, dest });
    const client = (kept: Kept, flags: number, options: TcpOptions): Uint8Array =>
      kept.receive(1, tcp(CLIENT, 4000, VIP, 21, flags, options));
    const server = (kept: Kept, flags: number, options: TcpOptions): Uint8Array =>
      kept.receive(2, tcp(SERVER, 21, CLIENT, 4000, flags, options));
    client(a, SYN, { seq: 1000 });
    server(a, SYN | ACK, { seq: 5000, ack: 1001 });
    client(a, ACK, { seq: 1001, ack: 5001 });
    client(a, ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') });
    const reply = ascii('227 Entering Passive Mode (10,2,0,11,4,1).\r\n');
    const changed = server(a, ACK, { seq: 5001, ack: 1007, data: reply });
    assert.notEqual(changed.length, reply.length + 40, 'the address has another length');
    a.keeper.close();
    const b = await new Kept(name, a.now).start();
    // what follows has moved by as many bytes, in both directions
    for (const kept of [a, b]) {
      const next = server(kept, ACK, {
        seq: 5001 + reply.length,
        ack: 1007,
        data: ascii('150 Here it comes.\r\n'),
      });
      assert.equal(new DataView(next.buffer, next.byteOffset).getUint32(24), 5001 + changed.length - 40);
    }
    const acked = [a, b].map((kept) =>
      client(kept, ACK, { seq: 1007, ack: 5001 + changed.length - 40 + 20 }),
    );
    assert.deepEqual(acked[1], acked[0]);
    assert.deepEqual(b.net.ipvs.conntracks, a.net.ipvs.conntracks);
  });

  it('is at every moment what commands have said, also when the daemon is killed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (played) => {
        const name = `killed${files++}`;
        const a = await new Kept(name, 0).start();
        for (const step of played) await play(a, step);
        const b = await new Kept(name, a.now).start();
        assert.equal(
          b.net.ipvs.proc('ip_vs').replace(/ +\d+ +\d+ *$/gm, ''),
          a.net.ipvs.proc('ip_vs').replace(/ +\d+ +\d+ *$/gm, ''),
        );
        const settings = async ({ director }: Kept) => [
          await director.execute('sysctl.list', {}),
          await director.execute('timeout.get', {}),
          await director.execute('daemon.list', {}),
          await director.execute('vip.list', {}),
        ];
        assert.deepEqual(await settings(b), await settings(a));
      }),
      { numRuns: 50 },
    );
  });

  it('knows which idle clients of a drained server were asked, and does not ask them again', async () => {
    const name = `asked${files++}`;
    const a = await new Kept(name, 0).start();
    const service = { protocol: 'tcp', address: VIP, port: 80 } as const;
    const netmask = '255.255.255.255';
    await a.command('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask },
    });
    const dest = { address: SERVER, port: 80 };
    const settings = { forward: 'masq', weight: 1, uThreshold: 0, lThreshold: 0 } as const;
    await a.command('dest.add', { service, dest: { ...dest, ...settings } });
    a.receive(1, tcp(CLIENT, 4000, VIP, 80, SYN));
    await a.command('dest.drain', { service, dest, deadline: 1, end: 'rst' });
    for (const [ms, endings] of [
      [1600, 1],
      [9000, 0],
    ] as const) {
      a.net.advance(ms);
      assert.equal(a.net.ipvs.endings.length, endings);
    }
    a.keeper.close();
    const b = await new Kept(name, 0).start();
    assert.deepEqual(await b.director.execute('drain.list', {}), []);
    assert.deepEqual(b.hidden(), a.hidden());
  });

  it('is refused when it is damaged, and kept', async () => {
    const name = `damaged${files++}`;
    const a = await new Kept(name, 0).start();
    for (const step of fc.sample(steps, { seed: 7, numRuns: 10 }).flat()) await play(a, step);
    a.keeper.close();
    const whole = {
      rules: readFileSync(join(folder, `${name}.rules`)),
      conns: readFileSync(join(folder, `${name}.conns`)),
    };
    assert.ok(a.net.ipvs.services.size > 0 && a.net.ipvs.conns.count > 0);
    const damage = fc.record({
      kind: fc.constantFrom('rules', 'conns'),
      at: fc.nat(),
      how: fc.constantFrom('bit', 'byte', 'cut', 'longer', 'other'),
      by: fc.integer({ min: 1, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ kind, at, how, by }) => {
        const copy = `damaged${files++}`;
        for (const [which, bytes] of Object.entries(whole))
          writeFileSync(join(folder, `${copy}.${which}`), bytes);
        const path = join(folder, `${copy}.${kind}`);
        let bytes = Buffer.from(whole[kind]);
        const place = at % bytes.length;
        if (how === 'bit') bytes[place]! ^= 1 << (by & 7);
        else if (how === 'byte') bytes[place] = (bytes[place]! + by) & 255;
        else if (how === 'cut') bytes = bytes.subarray(0, place);
        else if (how === 'longer') bytes = Buffer.concat([bytes, Buffer.alloc(by, by)]);
        else bytes = Buffer.from(Array.from({ length: by }, (_, i) => (i * at) & 255));
        writeFileSync(path, bytes);
        const b = await new Kept(copy, a.now).start();
        // a line that was not finished was never true
        if (kind === 'rules' && b.reports.length === 0) {
          assert.ok(
            how === 'longer' ||
              (how === 'cut' && bytes.length > 0) ||
              bytes[place] === 10 ||
              whole.rules[place] === 10,
            how,
          );
          return;
        }
        assert.match(b.reports[0]!, /^state refused .*"code":"BAD_STATE"/);
        assert.deepEqual(readFileSync(`${path}.refused`), bytes);
        assert.equal(b.net.ipvs.conns.count, 0);
        assert.equal(b.net.ipvs.services.size, kind === 'rules' ? 0 : a.net.ipvs.services.size);
        if (kind === 'rules')
          assert.deepEqual(readFileSync(join(folder, `${copy}.conns.refused`)), whole.conns);
      }),
      { numRuns: 300 },
    );
  });

  it('of another network namespace, or another format, is refused', async () => {
    const name = `foreign${files++}`;
    const a = await new Kept(name, 0).start();
    a.keeper.close();
    const path = join(folder, `${name}.rules`);
    for (const [from, to, why] of [
      ['"a namespace"', '"another one"', 'a network namespace that is gone'],
      ['"format":1', '"format":9', 'format 9: expected 1'],
    ] as const) {
      const [head] = readFileSync(path, 'utf8').split('\n');
      const json = head!
        .slice(9)
        .replace(from, to)
        .replace(/"records":\d+/, '"records":0');
      writeFileSync(path, `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
      const b = await new Kept(name, a.now).start();
      assert.match(b.reports[0]!, new RegExp(`^state refused .*${why}`));
    }
  });

  it('has all of many changes, and does not grow without end', async () => {
    const name = `long${files++}`;
    const a = await new Kept(name, 0).start();
    const service = { protocol: 'tcp', address: VIP, port: 80 } as const;
    await a.command('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' },
    });
    for (let port = 1; port <= 3000; port++) {
      await a.command('timeout.set', { tcp: port });
    }
    assert.ok(readFileSync(join(folder, `${name}.rules`)).length < 1_000_000);
    const b = await new Kept(name, a.now).start();
    assert.equal((await b.director.execute('timeout.get', {})).tcp, 3000);
    assert.equal(b.net.ipvs.services.size, 1);
  });
});
