/** Real servers that go down and come back, under a running daemon: weights, the sorry server, slow start, what a reload keeps. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectDirector } from '../../src/control/client.js';
import { ipvsd, type Started, start, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, skipReason } from './namespaces.js';

const skip = skipReason('curl');
const VIP = '10.0.0.100';
const [S1, S2, SORRY] = ['10.0.1.11', '10.0.2.11', '10.0.3.11'];

describe('the health of real servers', { skip }, () => {
  const net = new Namespaces('hlth');
  const folder = temporaryFolder();
  const socket = `${folder.path}/s.sock`;
  const file = `${folder.path}/ipvsd.yaml`;
  const director = connectDirector({ socket });
  let daemon: Started;
  /** Where the daemon remembers who is down. */
  let state: string | undefined;
  let servers: ChildProcess[] = [];
  const stop = new AbortController();
  let events = '';

  const serve = (n: number) =>
    net.start(
      `s${n}`,
      process.execPath,
      fileURLToPath(new URL('./server.js', import.meta.url)),
      `s${n}`,
      `10.0.${n}.11`,
    );
  const config = (health: string) => `services:
  - protocol: tcp
    address: ${VIP}
    port: 80
    scheduler: wrr
${health}    dests:
      - { address: ${S1}, port: 80, forward: masq, weight: 40 }
      - { address: ${S2}, port: 80, forward: masq, weight: 40 }
`;
  // the real servers refuse at once when they are gone: no check has to wait for its timeout
  const health = `    health:
      checks: [{ type: http, path: /x, interval: 200, timeout: 20000, rise: 1, fall: 2 }]
      sorryServer: { address: ${SORRY}, port: 80, forward: masq }
      slowStart: 4000
`;
  const weights = async (): Promise<Record<string, number>> => {
    const service = { protocol: 'tcp', address: VIP, port: 80 } as const;
    const dests = await director.execute('dest.list', { service });
    return Object.fromEntries(dests.map(({ address, weight }) => [address, weight]));
  };
  const become = (expected: Record<string, number>) =>
    until(async () => {
      const now = await weights();
      return Object.entries(expected).every(([address, weight]) => now[address] === weight);
    }, JSON.stringify(expected));
  const answers = () =>
    new Set([1, 2, 3, 4].map(() => net.exec('c', `curl -sS -m 20 http://${VIP}/`).split(' ')[0]));
  const client = (...args: string[]) => ipvsd([...args, '--socket', socket]);
  const kill = async (n: number): Promise<void> => {
    servers[n - 1]!.kill('SIGKILL');
    await once(servers[n - 1]!, 'exit');
  };

  /** Keeps what the daemon tells; the first line says only that it does. */
  const listen = async (): Promise<void> => {
    for await (const piece of director.get('/v1/events?kinds=health', stop.signal)) events += piece;
  };

  const startDaemon = async (): Promise<void> => {
    daemon = start(['run', '--netns', net.name('d'), '--socket', socket, '--config', file]);
    await until(() => {
      assert.equal(daemon.child.exitCode, null, daemon.stderr());
      return / ready /.test(daemon.stderr());
    }, 'daemon ready');
    const before = events.length;
    // it ends with the daemon, one way or another
    listen().catch(() => {});
    await until(() => events.length > before, 'listening');
  };

  before(async () => {
    for (const name of ['c', 'd', 's1', 's2', 's3']) net.add(name);
    net.connect('c', 'eth0', 'd', 'eth0');
    net.address('c', 'eth0', '10.0.0.2/24');
    net.address('d', 'eth0', '10.0.0.1/24', `${VIP}/32`);
    for (const n of [1, 2, 3]) {
      net.connect('d', `eth${n}`, `s${n}`, 'eth0');
      net.address('d', `eth${n}`, `10.0.${n}.1/24`);
      net.address(`s${n}`, 'eth0', `10.0.${n}.11/24`);
      net.ip(`s${n}`, `route add default via 10.0.${n}.1`);
    }
    servers = await Promise.all([1, 2, 3].map(serve));
    writeFileSync(file, config(health));
    await startDaemon();
    await until(
      async () =>
        (await director.execute('health.list', {}))[0]!.servers.every(({ checks }) => checks[0]!.count > 0),
      'first answers',
    );
  });
  after(async () => {
    stop.abort();
    director.close();
    daemon?.child.kill('SIGTERM');
    await daemon?.ended;
    if (state !== undefined) rmSync(state, { force: true });
    net.close();
    folder.remove();
  });

  test('good ones are left alone', async () => {
    assert.deepEqual(await weights(), { [S1]: 40, [S2]: 40 });
    const { code, stdout } = await client('health');
    assert.equal(code, 0);
    assert.match(stdout, /^tcp:10\.0\.0\.100:80 {2}quorum 1 reached\n {2}10\.0\.1\.11:80 {2}up .*weight 40 /);
  });

  test('one that is down gets no new connections; what is configured has not changed', async () => {
    await kill(1);
    await become({ [S1]: 0, [S2]: 40 });
    assert.deepEqual(answers(), new Set(['s2']));
    assert.match((await client('health')).stdout, /10\.0\.1\.11:80 +DOWN .*weight 0 of 40 .*ECONNREFUSED/);
    assert.equal((await client('plan', file)).stdout, 'No changes.\n');
    assert.doesNotMatch((await client('save')).stdout, /weight: 0/);
  });

  test('it is remembered over a restart of the daemon', async () => {
    state = `/run/ipvsd/netns-${statSync(`/run/netns/${net.name('d')}`).ino}.health`;
    assert.equal(readFileSync(state, 'utf8'), `["tcp:${VIP}:80 ${S1}:80"]\n`);
    daemon.child.kill('SIGTERM');
    await daemon.ended;
    // nothing is asked for a minute: what is known is what was known
    const late = config(health.replace('interval: 200', 'interval: 60000, start: up'));
    writeFileSync(file, late);
    await startDaemon();
    const known = (await director.execute('health.list', {}))[0]!.servers;
    if (known.every(({ checks }) => checks[0]!.count === 0)) {
      assert.deepEqual(
        known.map(({ up }) => up),
        [false, true],
      );
    }
    writeFileSync(file, config(health));
    assert.equal((await client('apply', file)).code, 0);
    await become({ [S1]: 0, [S2]: 40 });
  });

  test('a reload keeps what is known of those that have not changed', async () => {
    writeFileSync(file, `timeouts: { tcp: 800 }\n${config(health.replace('fall: 2', 'fall: 3'))}`);
    daemon.child.kill('SIGHUP');
    await until(() => daemon.stderr().includes('configuration applied'), 'applied');
    assert.equal((await weights())[S1], 0);
  });

  test('when all are down the sorry server takes over', async () => {
    await kill(2);
    await become({ [S1]: 0, [S2]: 0, [SORRY]: 1 });
    assert.deepEqual(answers(), new Set(['s3']));
    assert.equal((await client('health')).code, 1);
  });

  test('one that is back takes over from it, slowly', async () => {
    servers[0] = await serve(1);
    const seen = new Set<number>();
    await until(async () => {
      const now = await weights();
      seen.add(now[S1]!);
      return now[S1] === 40;
    }, 'the whole weight');
    assert.ok(
      [...seen].some((weight) => weight > 0 && weight < 40),
      `${[...seen]}`,
    );
    assert.deepEqual(await weights(), { [S1]: 40, [S2]: 0 });
    assert.deepEqual(answers(), new Set(['s1']));
  });

  test('events tell of all this', async () => {
    await until(() => events.includes('quorum.reached'), 'the last event');
    const told = events
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { event: string; dest?: { address: string }; reason?: string });
    assert.deepEqual(
      told.map(({ event, dest }) => `${event} ${dest?.address ?? ''}`.trim()),
      [`server.down ${S1}`, `server.down ${S2}`, 'quorum.lost', `server.up ${S1}`, 'quorum.reached'],
    );
    assert.match(told[0]!.reason!, /ECONNREFUSED/);
  });

  test('one that refuses connections of clients is found out by these, and tried again later', async () => {
    const passive = `    health:
      checks: [{ type: passive, interval: 200, fall: 3, hold: 1500 }]
`;
    writeFileSync(file, config(passive));
    // the checks are others, so what was known of the second server is kept until they say something
    assert.equal((await client('apply', file)).code, 0);
    await become({ [S1]: 40, [S2]: 40 });
    const down = async () => {
      // the first server answers, the second one refuses
      net.shell(
        'c',
        `for i in 1 2 3 4 5 6 7 8; do curl -sS -m 20 http://${VIP}/ >/dev/null 2>&1; done; true`,
      );
      return (await weights())[S2] === 0;
    };
    await until(down, 'the second server is found out');
    assert.match((await client('health')).stdout, /10\.0\.2\.11:80 +DOWN .* of clients were not answered/);
    assert.equal((await weights())[S1], 40);
    await become({ [S1]: 40, [S2]: 40 });
  });

  test('no longer checked, they have what is configured', async () => {
    writeFileSync(file, config(''));
    assert.match((await client('plan', file)).stdout, / {2}service tcp:10\.0\.0\.100:80\n- {5}health\n/);
    assert.equal((await client('apply', file)).code, 0);
    assert.deepEqual(await weights(), { [S1]: 40, [S2]: 40 });
  });
});
