/** Weights that are configured and weights that are in force, in front of a real engine. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { DestSpec, ServiceKey } from '../control/command.js';
import { type HealthSpec, healthSpec } from '../control/health-fields.js';
import { packetSpec } from '../control/packet-spec.js';
import { startWithoutPackets } from '../daemon/no-datapath.js';
import { IpvsError } from '../errors.js';
import { HealthDirector } from './health-director.js';
import type { Report } from './prober.js';
import type { HealthEvent } from './service-keeper.js';

const SERVICE: ServiceKey = { protocol: 'tcp', address: '192.0.2.1', port: 80 };
const dest = (n: number, weight = 10): DestSpec => ({
  address: `10.0.0.${n}`,
  port: 80,
  forward: 'masq',
  weight,
  uThreshold: 0,
  lThreshold: 0,
});
const key = (n: number) => ({ address: `10.0.0.${n}`, port: 80 });
const TCP = { type: 'tcp' };
const spec = (more: object = {}): HealthSpec => healthSpec.read({ checks: [TCP], ...more }, '');
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

/** A checked service with two servers of weight 10, and hands on time and on what checks say. */
async function world(health: HealthSpec | undefined = spec(), down: readonly string[] = []) {
  const engine = startWithoutPackets({ connLimit: 256 });
  stops.push(() => engine.stop());
  const events: HealthEvent[] = [];
  /** Checks that go on: what is told to report, by the server's address and the kind of check. */
  const checks = new Map<string, (report: Report) => void>();
  const begun: string[] = [];
  const timers: { at: number; then: () => void }[] = [];
  let now = 0;
  const director = new HealthDirector({
    director: engine,
    check:
      () =>
      ({ address }, { type }, report) => {
        const name = `${address} ${type}`;
        begun.push(name);
        checks.set(name, report);
        return () => checks.delete(name);
      },
    wasDown: (_, { address }) => down.includes(address),
    clock: {
      now: () => now,
      random: () => 0.5,
      after(delay, then) {
        const timer = { at: now + delay, then };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
      },
    },
    onEvent: (event) => events.push(event),
  });
  const service = {
    ...SERVICE,
    scheduler: 'wrr',
    flags: [],
    timeout: 0,
    netmask: '255.255.255.255',
  };
  await director.execute('service.add', { service });
  for (const n of [1, 2]) await director.execute('dest.add', { service: SERVICE, dest: dest(n) });
  if (health !== undefined) await director.execute('health.set', { service: SERVICE, health });
  /** What is in force: weights by the last number of the address. */
  const weights = async (): Promise<Record<string, number>> => {
    // a command that waits for its turn, after whatever checks have asked for
    await director.execute('dest.delete', { service: SERVICE, dest: key(99) }).catch(() => {});
    const all = await engine.execute('dest.list', { service: SERVICE });
    return Object.fromEntries(all.map(({ address, weight }) => [address.split('.').at(-1), weight]));
  };
  const entry = async () => (await director.execute('health.list', {}))[0]!;
  const answered = new Set<string>();
  return {
    director,
    engine,
    events,
    checks,
    begun,
    weights,
    entry,
    configured: async () => (await entry()).servers.map(({ dest: d }) => [d.address, d.weight]),
    /** Says how server `n` is. @returns the weights that come of it */
    async say(n: number, up: boolean, more: Partial<Report> = {}, type = 'tcp') {
      const name = `10.0.0.${n} ${type}`;
      const report = {
        up,
        first: !answered.has(name),
        took: 1.234,
        ...(!up && { reason: 'refused' }),
        ...more,
      };
      answered.add(name);
      checks.get(name)!(report);
      return weights();
    },
    /** Lets time pass. @returns the weights that come of it */
    async pass(ms: number) {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.then();
      }
      return weights();
    },
    set: (health: HealthSpec) => director.execute('health.set', { service: SERVICE, health }),
  };
}

describe('a server that is down', () => {
  it('has weight 0, and its own again when it is back; nothing else changes', async () => {
    const { say, configured } = await world();
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
    assert.deepEqual(await say(1, false), { 1: 0, 2: 10 });
    assert.deepEqual(await say(1, false), { 1: 0, 2: 10 });
    assert.deepEqual(await configured(), [
      ['10.0.0.1', 10],
      ['10.0.0.2', 10],
    ]);
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
  });

  it('is removed where that is asked for', async () => {
    const { say } = await world(spec({ onFailure: 'remove' }));
    assert.deepEqual(await say(1, false), { 2: 10 });
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
  });

  it('is down when one of its checks says so', async () => {
    const { say } = await world(spec({ checks: [TCP, { type: 'ping' }] }));
    await say(1, true);
    assert.deepEqual(await say(1, false, {}, 'ping'), { 1: 0, 2: 10 });
    assert.deepEqual(await say(1, true), { 1: 0, 2: 10 });
    assert.deepEqual(await say(1, true, {}, 'ping'), { 1: 10, 2: 10 });
  });

  it('begins so where checks are to find it up first', async () => {
    const { say, weights } = await world(spec({ checks: [{ type: 'tcp', start: 'down' }] }));
    assert.deepEqual(await weights(), { 1: 0, 2: 0 });
    assert.deepEqual(await say(2, true), { 1: 0, 2: 10 });
  });

  it('begins so where it was down before, until it answers', async () => {
    const { say, set, weights } = await world(spec(), ['10.0.0.1']);
    assert.deepEqual(await weights(), { 1: 0, 2: 10 });
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
    // what was before is then forgotten
    await set(spec({ checks: [] }));
    await set(spec());
    assert.deepEqual(await weights(), { 1: 10, 2: 10 });
  });

  it('has the weight that its agent asks for otherwise', async () => {
    const { say } = await world();
    assert.deepEqual(await say(1, true, { percent: 50 }), { 1: 5, 2: 10 });
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
  });

  it('starts slowly when it is back, but not when it was there from the beginning', async () => {
    const { say, pass } = await world(spec({ slowStart: 10_000 }));
    assert.deepEqual(await say(1, true), { 1: 10, 2: 10 });
    await say(1, false);
    assert.deepEqual(await say(1, true), { 1: 1, 2: 10 });
    assert.deepEqual(await pass(5000), { 1: 5, 2: 10 });
    assert.deepEqual(await pass(5000), { 1: 10, 2: 10 });
  });
});

describe('a service below its quorum', () => {
  const sorry = { ...dest(9, 1), forward: 'masq' };

  it('has the sorry server before the last server goes, until one is back', async () => {
    const { say, events } = await world(spec({ onFailure: 'remove', sorryServer: sorry }));
    assert.deepEqual(await say(1, false), { 2: 10 });
    assert.deepEqual(await say(2, false), { 9: 1 });
    assert.deepEqual(await say(1, true), { 1: 10 });
    assert.deepEqual(
      events.map((event) => (event.kind === 'quorum' ? event.alive : event.kind)),
      ['server', 'server', false, 'server', true],
    );
  });

  it('refuses a sorry server that IPVS would refuse, before it is needed', async () => {
    const { set, entry, weights } = await world();
    const bad = spec({ sorryServer: { ...sorry, address: '255.255.255.255' } });
    await assert.rejects(set(bad), { code: 'INVALID', field: /^health\.sorryServer/ });
    await assert.rejects(set(spec({ sorryServer: dest(1) })), { field: 'health.sorryServer' });
    assert.equal((await entry()).health.sorryServer, undefined);
    assert.deepEqual(await weights(), { 1: 10, 2: 10 });
  });
});

describe('a quorum that commands lose', () => {
  const sorryServer = { ...dest(9, 1), forward: 'masq' };

  it('may be reached by the next ones: a service is configured server by server', async () => {
    const { director, engine, events, pass, weights } = await world(undefined);
    for (const n of [1, 2]) await director.execute('dest.delete', { service: SERVICE, dest: key(n) });
    await director.execute('health.set', { service: SERVICE, health: spec({ quorum: 20, sorryServer }) });
    for (const n of [1, 2]) await director.execute('dest.add', { service: SERVICE, dest: dest(n) });
    assert.deepEqual(await pass(2000), { 1: 10, 2: 10 });
    assert.deepEqual(events, []);
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1, 5) });
    assert.deepEqual(await weights(), { 1: 5, 2: 10 });
    assert.deepEqual(await pass(2000), { 1: 0, 2: 0, 9: 1 });
    assert.equal((await engine.execute('service.list', {})).length, 1);
  });
});

describe('commands about a checked service', () => {
  it('change what is configured: a server that is down stays so', async () => {
    const { director, say, weights, configured } = await world();
    await say(1, false);
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1, 30) });
    await director.execute('dest.edit', { service: SERVICE, dest: dest(2, 20) });
    assert.deepEqual(await weights(), { 1: 0, 2: 20 });
    assert.deepEqual(
      (await configured()).map(([, weight]) => weight),
      [30, 20],
    );
    assert.deepEqual(await say(1, true), { 1: 30, 2: 20 });
  });

  it('reach a server that is removed for now', async () => {
    const { director, say, weights } = await world(spec({ onFailure: 'remove' }));
    await say(1, false);
    await assert.rejects(director.execute('dest.add', { service: SERVICE, dest: dest(1) }), {
      code: 'DEST_EXISTS',
    });
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1, 30) });
    assert.deepEqual(await say(1, true), { 1: 30, 2: 10 });
    await say(1, false);
    await director.execute('dest.delete', { service: SERVICE, dest: key(1) });
    assert.deepEqual(await weights(), { 2: 10 });
    await assert.rejects(director.execute('dest.edit', { service: SERVICE, dest: dest(1) }), {
      code: 'DEST_NOT_FOUND',
    });
  });

  it('add servers that are checked too, and end the checks of those that go', async () => {
    const { director, say, checks } = await world();
    await director.execute('dest.add', { service: SERVICE, dest: dest(3) });
    assert.deepEqual(await say(3, false), { 1: 10, 2: 10, 3: 0 });
    await director.execute('dest.delete', { service: SERVICE, dest: key(1) });
    assert.deepEqual([...checks.keys()], ['10.0.0.2 tcp', '10.0.0.3 tcp']);
    await director.execute('service.delete', { service: SERVICE });
    assert.deepEqual([...checks.keys()], []);
    assert.deepEqual(await director.execute('health.list', {}), []);
  });

  it('that IPVS refuses change nothing', async () => {
    const { director, configured, checks } = await world();
    for (const refused of [dest(1, -1), { ...dest(1), lThreshold: 5, uThreshold: 3 }]) {
      await assert.rejects(director.execute('dest.edit', { service: SERVICE, dest: refused }), {
        code: 'OUT_OF_RANGE',
      });
      await assert.rejects(
        director.execute('dest.add', { service: SERVICE, dest: { ...refused, address: '10.0.0.3' } }),
        { code: 'OUT_OF_RANGE' },
      );
    }
    assert.deepEqual(await configured(), [
      ['10.0.0.1', 10],
      ['10.0.0.2', 10],
    ]);
    assert.equal(checks.size, 2);
  });

  it('are the same one by one and in a batch', async () => {
    const { director, say, weights } = await world();
    await say(1, false);
    const other: ServiceKey = { ...SERVICE, port: 81 };
    const { results, error } = await director.batch([
      { command: 'dest.edit', args: { service: SERVICE, dest: dest(1, 30) } },
      {
        command: 'service.add',
        args: {
          service: { ...other, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' },
        },
      },
      { command: 'dest.add', args: { service: other, dest: dest(5) } },
      { command: 'dest.add', args: { service: SERVICE, dest: dest(3) } },
      { command: 'dest.add', args: { service: SERVICE, dest: dest(3) } },
      { command: 'flush', args: {} },
    ]);
    assert.equal(results.length, 4);
    assert.equal(error?.code, 'DEST_EXISTS');
    assert.deepEqual(await weights(), { 1: 0, 2: 10, 3: 10 });
  });

  it('flush: nothing is checked any more', async () => {
    const { director, checks } = await world();
    await director.execute('flush', {});
    assert.equal(checks.size, 0);
  });
});

describe('configuring health anew', () => {
  it('keeps what is known of checks that stay, and of servers whose checks are others', async () => {
    const { set, say, begun, weights } = await world();
    await say(1, false);
    await set(spec({ quorum: 5, slowStart: 1000 }));
    assert.deepEqual(await weights(), { 1: 0, 2: 10 });
    assert.equal(begun.length, 2);
    await set(spec({ checks: [{ type: 'http' }] }));
    assert.deepEqual(begun.slice(2), ['10.0.0.1 http', '10.0.0.2 http']);
    assert.deepEqual(await weights(), { 1: 0, 2: 10 });
    assert.deepEqual(await say(1, true, {}, 'http'), { 1: 10, 2: 10 });
  });

  it('gives a server checks of its own, or none', async () => {
    const { set, checks } = await world();
    const servers = [
      { address: '10.0.0.1', port: 80, checks: [{ type: 'ping' }] },
      { address: '10.0.0.2', port: 80, checks: [] },
    ];
    await set(spec({ servers }));
    assert.deepEqual([...checks.keys()], ['10.0.0.1 ping']);
  });

  it('ended, gives each server its configured weight back, and takes the sorry server away', async () => {
    const { director, say, weights, checks } = await world(
      spec({ onFailure: 'remove', sorryServer: dest(9) }),
    );
    await say(1, false);
    await say(2, false);
    await director.execute('health.delete', { service: SERVICE });
    assert.deepEqual(await weights(), { 1: 10, 2: 10 });
    assert.equal(checks.size, 0);
    await assert.rejects(director.execute('health.delete', { service: SERVICE }), {
      code: 'HEALTH_NOT_FOUND',
    });
    await assert.rejects(director.execute('health.delete', { service: { ...SERVICE, port: 9 } }), {
      code: 'SERVICE_NOT_FOUND',
    });
  });

  it('needs a service', async () => {
    const { director } = await world();
    const service = { ...SERVICE, port: 9 };
    await assert.rejects(
      director.execute('health.set', { service, health: spec() }),
      (error) => error instanceof IpvsError && error.code === 'SERVICE_NOT_FOUND',
    );
  });
});

it('an explanation says whose weight is not what is configured, and why', async () => {
  const { director, say } = await world();
  await say(1, false);
  const packet = {
    protocol: 'tcp',
    hook: 'input',
    source: '192.0.2.9',
    destination: SERVICE.address,
    sourcePort: 1,
    destinationPort: 80,
  };
  const { steps } = await director.execute('explain', { packet: packetSpec.read(packet, '') });
  const weighed = steps.find((step) => step.step === 'scheduler');
  assert.deepEqual(
    weighed?.servers.map(({ weight, configuredWeight, down }) => [weight, configuredWeight, down]),
    [
      [10, undefined, undefined],
      [0, 10, 'refused'],
    ],
  );
});

it('the list tells what was configured, what is in force, and what the checks said', async () => {
  const { say, entry } = await world();
  await say(1, false);
  await say(1, false);
  const { service, health, alive, servers } = await entry();
  assert.deepEqual([service, health, alive], [SERVICE, spec(), true]);
  const [first, second] = servers;
  assert.equal(first!.dest.weight, 10);
  assert.equal(first!.weight, 0);
  assert.equal(first!.up, false);
  assert.ok(Math.abs(Date.parse(first!.since) - Date.now()) < 60_000);
  assert.deepEqual(first!.checks, [
    { type: 'tcp', port: 80, up: false, reason: 'refused', took: 1.2, count: 2, failures: 2, changes: 1 },
  ]);
  assert.deepEqual(second!.checks, [{ type: 'tcp', port: 80, up: true, count: 0, failures: 0, changes: 0 }]);
});

describe('a server that is drained', () => {
  const drain = { service: SERVICE, dest: key(1), deadline: 0 };

  it('is checked no longer, and left alone', async () => {
    const { director, say, checks, weights, configured, set } = await world();
    await say(1, true);
    await director.execute('dest.drain', drain);
    assert.deepEqual(await weights(), { 1: 0, 2: 10 });
    assert.equal(checks.has('10.0.0.1 tcp'), false);
    assert.deepEqual(await configured(), [['10.0.0.2', 10]]);
    assert.deepEqual(await say(2, false), { 1: 0, 2: 0 });
    await set(spec({ quorum: 5 }));
    assert.deepEqual(await weights(), { 1: 0, 2: 0 });
  });

  it('may stay after all, as its health then says', async () => {
    const { director, say, weights, configured, checks } = await world();
    await say(1, false);
    await director.execute('dest.drain', drain);
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1, 7) });
    assert.deepEqual(await weights(), { 1: 0, 2: 10 });
    await director.execute('dest.undrain', { service: SERVICE, dest: key(1) });
    assert.equal(checks.has('10.0.0.1 tcp'), true);
    assert.deepEqual(await say(1, true, { first: true }), { 1: 7, 2: 10 });
    assert.deepEqual((await configured()).sort(), [
      ['10.0.0.1', 7],
      ['10.0.0.2', 10],
    ]);
    await assert.rejects(director.execute('dest.undrain', { service: SERVICE, dest: key(1) }), {
      code: 'INVALID',
    });
    await assert.rejects(director.execute('dest.undrain', { service: SERVICE, dest: key(3) }), {
      code: 'DEST_NOT_FOUND',
    });
  });

  it('may be added again, or deleted', async () => {
    const { director, weights } = await world();
    await director.execute('dest.drain', drain);
    await director.execute('dest.add', { service: SERVICE, dest: dest(1, 5) });
    assert.deepEqual(await weights(), { 1: 5, 2: 10 });
    await director.execute('dest.drain', drain);
    await director.execute('dest.delete', { service: SERVICE, dest: key(1) });
    assert.deepEqual(await weights(), { 2: 10 });
    await assert.rejects(director.execute('dest.drain', drain), { code: 'DEST_NOT_FOUND' });
  });

  it('is left alone by checks that begin then', async () => {
    const { director, weights, configured, set } = await world();
    await director.execute('health.delete', { service: SERVICE });
    await director.execute('dest.drain', drain);
    await set(spec());
    assert.deepEqual([await weights(), await configured()], [{ 1: 0, 2: 10 }, [['10.0.0.2', 10]]]);
    await director.execute('dest.undrain', { service: SERVICE, dest: key(1) });
    assert.deepEqual(await weights(), { 1: 10, 2: 10 });
  });

  it('is gone at once when its health had removed it', async () => {
    const { director, say, weights, configured } = await world(spec({ onFailure: 'remove' }));
    await say(1, false);
    await director.execute('dest.drain', drain);
    assert.deepEqual([await weights(), await configured()], [{ 2: 10 }, [['10.0.0.2', 10]]]);
  });
});

describe('the name of a server', () => {
  it('stays when an edit says nothing of it, and goes when what is there is replaced', async () => {
    const { director, engine, say, entry } = await world();
    const named = { ...dest(1), name: 'web1' };
    const names = async () => [
      (await engine.execute('dest.list', { service: SERVICE })).find(({ address }) => address === '10.0.0.1')
        ?.name,
      (await entry()).servers.find(({ dest: { address } }) => address === '10.0.0.1')?.dest.name,
    ];
    await director.execute('dest.edit', { service: SERVICE, dest: named });
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1, 3) });
    await say(1, false);
    assert.deepEqual(await names(), ['web1', 'web1']);
    await director.execute('dest.edit', { service: SERVICE, dest: dest(1), replace: true });
    await say(1, true);
    assert.deepEqual(await names(), [undefined, undefined]);
  });
});
