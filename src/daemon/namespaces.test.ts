import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Director } from '../control/command.js';
import { IpvsError } from '../errors.js';
import type { Datapath } from './datapath.js';
import { createLogger } from './logger.js';
import { Namespaces } from './namespaces.js';
import { startWithoutPackets } from './no-datapath.js';

const web = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
const service = { ...web, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' };

/** What data paths have done, in order. */
const events: string[] = [];
/** Lets a namespace's data path end by itself. */
const failures = new Map<string, (error: Error) => void>();
let log = '';
let namespaces: Namespaces;

/** Engines without packets; `bad` cannot be served. */
async function open(netns: string | undefined): Promise<Datapath> {
  const name = netns ?? '.';
  if (name === 'bad') throw new IpvsError('NO_NETNS', undefined, 'netns');
  events.push(`+${name}`);
  const datapath = startWithoutPackets({});
  const failed = new Promise<never>((_, reject) => failures.set(name, reject));
  return {
    ...datapath,
    failed,
    stop: async () => {
      events.push(`-${name}`);
      await datapath.stop();
    },
  };
}

async function serve(...names: string[]): Promise<Namespaces> {
  const logger = createLogger('info', 'text', (line) => {
    log += line;
  });
  namespaces = await Namespaces.open(names, open, logger);
  return namespaces;
}

const services = async (director: Director) => (await director.execute('service.list', {})).length;

afterEach(async () => {
  await namespaces.close();
  events.length = 0;
  failures.clear();
  log = '';
});

describe('network namespaces of a daemon', () => {
  test('each has services, connections, counters and sysctls of its own', async () => {
    const { director } = { director: (await serve('a', 'b')).director.bind(namespaces) };
    await director('a').execute('service.add', { service });
    await director('a').execute('sysctl.set', { name: 'conn_reuse_mode', value: '0' });
    await director('a').execute('timeout.set', { tcp: 5 });
    assert.equal(await services(director('b')), 0);
    assert.equal(await director('b').execute('sysctl.get', { name: 'conn_reuse_mode' }), '1');
    assert.equal((await director('b').execute('timeout.get', {})).tcp, 900);
    await director('b').execute('service.add', { service });
    await director('b').execute('flush', {});
    assert.equal(await services(director('a')), 1);
  });

  test('commands that name none go to the first', async () => {
    await serve('a', 'b');
    await namespaces.director().execute('service.add', { service });
    assert.deepEqual(
      [await services(namespaces.director('a')), await services(namespaces.director('b'))],
      [1, 0],
    );
    assert.deepEqual(await namespaces.director('b').execute('netns.list', {}), [
      { name: 'a', default: true },
      { name: 'b', default: false },
    ]);
  });

  test('without names it is the one that the daemon is in', async () => {
    await serve();
    assert.deepEqual(await namespaces.director().execute('netns.list', {}), [{ default: true }]);
    assert.equal(await services(namespaces.director()), 0);
  });

  test('are added and removed while others go on', async () => {
    await serve('a');
    const { batch } = namespaces.director();
    const { error } = await batch!([
      { command: 'netns.add', args: { name: 'b' } },
      { command: 'service.add', args: { service } },
      { command: 'netns.remove', args: { name: 'b' } },
    ]);
    assert.equal(error, undefined);
    assert.deepEqual(events, ['+a', '+b', '-b']);
    assert.equal(await services(namespaces.director('a')), 1);
    await assert.rejects(services(namespaces.director('b')), { code: 'NETNS_NOT_SERVED', field: 'netns' });
    await assert.rejects(namespaces.director('b').batch!([]), { code: 'NETNS_NOT_SERVED' });
  });

  test('one that comes back has forgotten everything', async () => {
    await serve('a', 'b');
    await namespaces.director('b').execute('service.add', { service });
    await namespaces.director().execute('netns.remove', { name: 'b' });
    await namespaces.director().execute('netns.add', { name: 'b' });
    assert.equal(await services(namespaces.director('b')), 0);
  });

  test('when the first is removed, commands must say which', async () => {
    await serve('a', 'b');
    await namespaces.director().execute('netns.remove', { name: 'a' });
    await assert.rejects(services(namespaces.director()), { code: 'NETNS_NOT_SERVED' });
    assert.equal(await services(namespaces.director('b')), 0);
    await namespaces.director().execute('netns.add', { name: 'a' });
    assert.equal(await services(namespaces.director()), 0);
  });

  test('one cannot be added twice, also when both are asked for at once', async () => {
    await serve('a');
    const add = () => namespaces.director().execute('netns.add', { name: 'b' });
    const [first, second] = await Promise.allSettled([add(), add()]);
    assert.equal(first.status, 'fulfilled');
    assert.equal((second as PromiseRejectedResult).reason.code, 'ALREADY_SERVED');
    assert.deepEqual(events, ['+a', '+b']);
  });

  test('one that cannot be served changes nothing', async () => {
    await serve('a');
    await assert.rejects(namespaces.director().execute('netns.add', { name: 'bad' }), { code: 'NO_NETNS' });
    await assert.rejects(namespaces.director().execute('netns.remove', { name: 'c' }), {
      code: 'NETNS_NOT_SERVED',
    });
    assert.deepEqual(await namespaces.director().execute('netns.list', {}), [{ name: 'a', default: true }]);
  });

  test('all are served or none', async () => {
    await serve('a');
    await assert.rejects(Namespaces.open(['b', 'c', 'bad'], open, createLogger('error', 'text')), {
      code: 'NO_NETNS',
    });
    assert.deepEqual(events, ['+a', '+b', '+c', '-b', '-c']);
  });

  test('one that fails is given up; with the first the daemon fails', async () => {
    await serve('a', 'b');
    failures.get('b')!(new Error('device lost'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.match(log, /ERROR namespace failed: no longer served netns=b error="Error: device lost"/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(events.includes('-b'));
    await assert.rejects(services(namespaces.director('b')), { code: 'NETNS_NOT_SERVED' });
    assert.equal(await services(namespaces.director('a')), 0);
    failures.get('a')!(new Error('device lost'));
    await assert.rejects(namespaces.failed, /device lost/);
  });

  test('the end stops all', async () => {
    await serve('a', 'b');
    await namespaces.close();
    assert.deepEqual(events, ['+a', '+b', '-a', '-b']);
  });
});
