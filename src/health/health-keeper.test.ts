import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkSpec } from '../control/check-spec.js';
import type { DestSpec, Director } from '../control/command.js';
import { IpvsError } from '../errors.js';
import { type CheckedService, type HealthEvent, HealthKeeper } from './health-keeper.js';
import type { Report } from './prober.js';

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
const dest = (n: number, weight = 1): DestSpec => ({
  address: `10.0.0.${n}`,
  port: 80,
  forward: 'masq',
  weight,
  uThreshold: 0,
  lThreshold: 0,
});
const TCP = checkSpec.read({ type: 'tcp' }, 'check');

function world() {
  const commands: string[] = [];
  const events: HealthEvent[] = [];
  const probes = new Map<string, (report: Report) => void>();
  const timers: { at: number; then: () => void }[] = [];
  let now = 0;
  let refuse = false;
  const director = {
    execute: async (name: string, { dest: d }: { dest: DestSpec }) => {
      if (refuse) throw new IpvsError('SERVICE_NOT_FOUND');
      commands.push(`${name} ${d.address}${name === 'dest.delete' ? '' : ` ${d.weight}`}`);
      return null;
    },
  } as unknown as Director;
  const keeper = new HealthKeeper({
    director,
    probe: ({ address }, _spec, report) => {
      probes.set(address, report);
      return () => probes.delete(address);
    },
    clock: {
      now: () => now,
      random: () => 0.5,
      after(delay, then) {
        const timer = { at: now + delay, then };
        timers.push(timer);
        return () => timers.splice(timers.indexOf(timer) >>> 0, 1);
      },
    },
    onEvent: (event) => events.push(event),
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    keeper,
    events,
    probes,
    refuse: () => (refuse = true),
    /** Says how server `n` is, and gives the commands that come of it. */
    async say(n: number, up: boolean, more: Partial<Report> = {}) {
      commands.length = 0;
      probes.get(`10.0.0.${n}`)!({ up, changed: true, took: 1, ...more });
      await settled();
      return [...commands];
    },
    async pass(ms: number) {
      commands.length = 0;
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.then();
      }
      await settled();
      return [...commands];
    },
  };
}

const service = (more: Partial<CheckedService> = {}): CheckedService => ({
  ...{ service: SERVICE, quorum: 1, hysteresis: 0, onFailure: 'quiesce', slowStart: 0 },
  servers: [1, 2].map((n) => ({ dest: dest(n, 10), checks: [TCP] })),
  ...more,
});

describe('the health of a service', () => {
  it('changes a server when its checks do, and nothing else', async () => {
    const { keeper, say } = world();
    keeper.configure([service()]);
    assert.deepEqual(await say(1, true), []);
    assert.deepEqual(await say(1, false, { reason: 'connect ECONNREFUSED' }), ['dest.edit 10.0.0.1 0']);
    assert.deepEqual(await say(1, false), []);
    assert.deepEqual(await say(1, true), ['dest.edit 10.0.0.1 10']);
  });

  it('brings the sorry server before the last one goes, and back again', async () => {
    const { keeper, say } = world();
    keeper.configure([service({ onFailure: 'remove', sorryServer: dest(9) })]);
    assert.deepEqual(await say(1, false), ['dest.delete 10.0.0.1']);
    assert.deepEqual(await say(2, false), ['dest.add 10.0.0.9 1', 'dest.delete 10.0.0.2']);
    assert.deepEqual(await say(1, true), ['dest.add 10.0.0.1 10', 'dest.delete 10.0.0.9']);
  });

  it('lets a server that comes back start slowly, but not one that was there from the beginning', async () => {
    const { keeper, say, pass } = world();
    keeper.configure([service({ slowStart: 10_000 })]);
    assert.deepEqual(await say(1, true), []);
    await say(1, false);
    assert.deepEqual(await say(1, true), ['dest.edit 10.0.0.1 1']);
    assert.deepEqual(await pass(5000), ['dest.edit 10.0.0.1 5']);
    assert.deepEqual(await pass(5000), ['dest.edit 10.0.0.1 10']);
    assert.deepEqual(await pass(5000), []);
  });

  it('gives a server the weight that its agent asks for', async () => {
    const { keeper, say } = world();
    keeper.configure([service()]);
    assert.deepEqual(await say(1, true, { percent: 50 }), ['dest.edit 10.0.0.1 5']);
    assert.deepEqual(await say(1, true, { percent: 50 }), []);
    assert.deepEqual(await say(1, true), ['dest.edit 10.0.0.1 10']);
  });

  it('tells of servers, of the quorum, and of commands that were refused', async () => {
    const { keeper, say, events, refuse } = world();
    keeper.configure([service({ quorum: 20 })]);
    refuse();
    await say(1, false, { reason: 'why' });
    assert.deepEqual(
      events.map((event) => (event.kind === 'server' ? [event.up, event.reason] : event.kind)),
      [[false, 'why'], 'quorum', 'refused'],
    );
    assert.equal(keeper.status()[0]!.quorum, false);
    assert.deepEqual(keeper.status()[0]!.servers[0], {
      ...{ address: '10.0.0.1', port: 80, up: false },
      checks: [{ type: 'tcp', up: false, reason: 'why', took: 1 }],
    });
  });

  it('goes on undisturbed when a configuration has not changed it, and ends when it is gone', async () => {
    const { keeper, say, probes } = world();
    keeper.configure([service()]);
    await say(1, false);
    keeper.configure([service()]);
    assert.equal(keeper.status()[0]!.servers[0]!.up, false);
    keeper.configure([]);
    assert.equal(probes.size, 0);
  });
});
