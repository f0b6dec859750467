import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import type { Datapath } from '../../daemon/datapath.js';
import { startWithoutPackets } from '../../daemon/no-datapath.js';
import { ERRORS, IpvsError } from '../../errors.js';
import type { CommandError, Director } from '../command.js';
import { COMMAND_NAMES } from '../command-table.js';
import { createApi } from './api.js';
import { HTTP_STATUS } from './status.js';

let director: Datapath;
let api: FastifyInstance;
let ready = true;
const faults: unknown[] = [];

before(async () => {
  director = startWithoutPackets({});
  api = await createApi({
    director: () => director,
    ready: () => ready,
    onFault: (error) => faults.push(error),
  });
});
after(async () => {
  await api.close();
  await director.stop();
  assert.deepEqual(faults, []);
});
beforeEach(() => director.execute('flush', {}));

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';

async function ask(method: Method, url: string, body?: unknown) {
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await api.inject({ method, url, ...(payload !== undefined && { payload }) });
  const type = String(answer.headers['content-type'] ?? '');
  const data: unknown = type.startsWith('application/json') ? answer.json() : answer.body;
  return { status: answer.statusCode, data, headers: answer.headers, type };
}

const web = { protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'rr' };
const one = '/v1/services/tcp:10.1.0.100:80';
const server = { address: '10.2.0.11', port: 8080, forward: 'masq' };

describe('services and their servers as resources', () => {
  test('a service is made, seen, changed and deleted', async () => {
    const made = await ask('POST', '/v1/services', web);
    assert.equal(made.status, 201);
    assert.equal(made.headers.location, one);
    assert.equal((await ask('PUT', one, { scheduler: 'rr', flags: ['persistent'] })).status, 204);
    const seen = await ask('GET', one);
    assert.equal(seen.status, 200);
    assert.deepEqual((seen.data as { flags: string[]; timeout: number }).flags, ['persistent']);
    assert.deepEqual((await ask('GET', '/v1/services')).data, [seen.data]);
    assert.equal((await ask('POST', `${one}/zero`)).status, 204);
    assert.equal((await ask('DELETE', one)).status, 204);
    assert.equal((await ask('GET', one)).status, 404);
  });

  test('IPv6 and marks have names too', async () => {
    const six = await ask('POST', '/v1/services', { ...web, address: 'fd00:1::100' });
    assert.equal(six.headers.location, '/v1/services/tcp:[fd00:1::100]:80');
    const mark = await ask('POST', '/v1/services', { fwmark: 7, family: 'inet6', scheduler: 'rr' });
    assert.equal(mark.headers.location, '/v1/services/fwmark:7:inet6');
    for (const { headers } of [six, mark])
      assert.equal((await ask('GET', headers.location as string)).status, 200);
    assert.equal((await ask('GET', encodeURI(six.headers.location as string))).status, 200);
    assert.equal((await ask('DELETE', '/v1/services')).status, 204);
    assert.deepEqual((await ask('GET', '/v1/services')).data, []);
  });

  test('a server is made, seen, changed and deleted', async () => {
    await ask('POST', '/v1/services', web);
    const made = await ask('POST', `${one}/dests`, server);
    assert.equal(made.status, 201);
    assert.equal(made.headers.location, `${one}/dests/10.2.0.11:8080`);
    assert.equal(
      (await ask('PUT', `${one}/dests/10.2.0.11:8080`, { forward: 'masq', weight: 5 })).status,
      204,
    );
    const [seen] = (await ask('GET', `${one}/dests`)).data as { weight: number; forward: string }[];
    assert.deepEqual([seen?.weight, seen?.forward], [5, 'masq']);
    assert.equal((await ask('DELETE', `${one}/dests/10.2.0.11:8080`)).status, 204);
    assert.deepEqual((await ask('GET', `${one}/dests`)).data, []);
  });

  test('the body of a change may repeat the identity in the path, but not contradict it', async () => {
    await ask('POST', '/v1/services', web);
    assert.equal((await ask('PUT', one, web)).status, 204);
    const { status, data } = await ask('PUT', one, { ...web, port: 81 });
    assert.equal(status, 400);
    assert.deepEqual(data, {
      code: 'BAD_REQUEST',
      errno: 'EINVAL',
      message: 'port: 81 differs from 80 in the path',
      field: 'port',
    });
  });
});

describe('the rest of the resources', () => {
  test('info, counters, timeouts, sysctls', async () => {
    assert.deepEqual((await ask('GET', '/v1/info')).data, {
      version: '1.2.1',
      connTabSize: 4096,
      numServices: 0,
      connections: 0,
      connLimit: 1 << 20,
      connRefused: 0,
    });
    assert.equal(((await ask('GET', '/v1/stats')).data as { conns: number }).conns, 0);
    assert.equal((await ask('POST', '/v1/zero')).status, 204);
    assert.equal((await ask('PUT', '/v1/timeouts', { tcp: 901 })).status, 204);
    assert.deepEqual((await ask('GET', '/v1/timeouts')).data, { tcp: 901, tcpFin: 120, udp: 300 });
    assert.equal((await ask('PUT', '/v1/sysctl/drop_entry', { value: '1' })).status, 204);
    const { data, type } = await ask('GET', '/v1/sysctl/drop_entry');
    assert.deepEqual([data, type], ['1', 'application/json; charset=utf-8']);
    assert.equal(((await ask('GET', '/v1/sysctl')).data as Record<string, string>).drop_entry, '1');
  });

  test('a proc file is plain text', async () => {
    const { status, data, type } = await ask('GET', '/v1/proc/ip_vs');
    assert.deepEqual([status, type], [200, 'text/plain; charset=utf-8']);
    assert.match(data as string, /^IP Virtual Server/);
  });

  test('connections come in pages', async () => {
    assert.deepEqual((await ask('GET', '/v1/connections?limit=5&cursor=0')).data, { entries: [] });
    const { status, data } = await ask('GET', '/v1/connections?limit=five');
    assert.equal(status, 400);
    assert.equal((data as CommandError).message, 'limit: "five" is not a page size (1..10000)');
    assert.equal(((await ask('GET', '/v1/connections?page=1')).data as CommandError).field, 'page');
  });

  test('synchronisation daemons', async () => {
    assert.deepEqual((await ask('GET', '/v1/daemons')).data, []);
    assert.equal((await ask('PUT', '/v1/daemons/master', { interface: 'no-such0', syncid: 1 })).status, 422);
    assert.equal((await ask('DELETE', '/v1/daemons/master')).status, 404);
    assert.equal((await ask('DELETE', '/v1/daemons/third')).status, 400);
  });

  test('health: alive always, ready when it is', async () => {
    assert.equal((await ask('GET', '/healthz')).status, 200);
    assert.equal((await ask('GET', '/readyz')).status, 200);
    ready = false;
    assert.equal((await ask('GET', '/healthz')).status, 200);
    assert.equal((await ask('GET', '/readyz')).status, 503);
    ready = true;
  });
});

describe('commands by name', () => {
  test('every command has its address', async () => {
    for (const name of COMMAND_NAMES) {
      const { data } = await ask('POST', `/v1/commands/${name}`, { nonsense: 1 });
      assert.equal((data as CommandError).field, 'nonsense', name);
    }
  });

  test('results are JSON, texts and null included', async () => {
    assert.deepEqual(await answer('service.add', { service: web }), [200, null]);
    assert.deepEqual(await answer('sysctl.get', { name: 'am_droprate' }), [200, '10']);
    assert.deepEqual(await answer('flush', undefined), [200, null]);
  });

  test('an unknown command is refused by its name', async () => {
    const { status, data } = await ask('POST', '/v1/commands/service.ad', {});
    assert.equal(status, 400);
    assert.match(
      (data as CommandError).message,
      /^command: "service\.ad" is not a command \(info, service\.add, /,
    );
  });

  async function answer(name: string, args: unknown) {
    const { status, data } = await ask('POST', `/v1/commands/${name}`, args);
    return [status, data];
  }
});

describe('a batch', () => {
  const add = (port: number) => ({ command: 'service.add', args: { service: { ...web, port } } });

  test('is carried out in order', async () => {
    const { status, data } = await ask('POST', '/v1/commands', [add(1), add(2), { command: 'info' }]);
    assert.equal(status, 200);
    assert.deepEqual(data, {
      results: [
        null,
        null,
        {
          version: '1.2.1',
          connTabSize: 4096,
          numServices: 2,
          connections: 0,
          connLimit: 1 << 20,
          connRefused: 0,
        },
      ],
    });
  });

  test('ends at the first error and says which; what was done stays done', async () => {
    const { status, data } = await ask('POST', '/v1/commands', [add(1), add(70000), add(3)]);
    assert.equal(status, 400);
    assert.deepEqual(data, {
      code: 'BAD_REQUEST',
      errno: 'EINVAL',
      message: 'service.port: 70000 is not a port (0..65535)',
      field: 'service.port',
      index: 1,
      results: [null],
    });
    assert.equal(((await ask('GET', '/v1/services')).data as unknown[]).length, 1);
  });

  test('that is malformed does nothing', async () => {
    for (const [body, field] of [
      [{}, 'batch'],
      [[add(1), {}], 'batch[1].command'],
      [[add(1), { command: 'info', arg: 1 }], 'batch[1].arg'],
    ] as const) {
      const { status, data } = await ask('POST', '/v1/commands', body);
      assert.deepEqual([status, (data as CommandError).field], [400, field]);
    }
    assert.deepEqual((await ask('GET', '/v1/services')).data, []);
  });

  test('of 20,000 rules is carried out', async () => {
    const batch = Array.from({ length: 20_000 }, (_, i) => add(1 + i));
    assert.equal((await ask('POST', '/v1/commands', batch)).status, 200);
  });
});

describe('errors', () => {
  test('a field of the body is named as the body spells it', async () => {
    const { status, data } = await ask('POST', '/v1/services', { ...web, scheduler: 'zz' });
    assert.equal(status, 422);
    assert.deepEqual(data, {
      code: 'SCHEDULER_NOT_FOUND',
      errno: 'ENOENT',
      message: 'scheduler: no scheduler "zz"',
      field: 'scheduler',
    });
  });

  const malformed: [string, Method, string, unknown, number, string | undefined][] = [
    ['no body', 'POST', '/v1/services', undefined, 400, 'body'],
    ['not JSON', 'POST', '/v1/services', '{"protocol":', 400, 'body'],
    ['a list', 'POST', '/v1/services', [1], 400, 'body'],
    ['a bad name', 'GET', '/v1/services/tcp:10.1.0.100', undefined, 400, 'service'],
    ['a bad escape', 'GET', '/v1/services/%zz', undefined, 400, 'request'],
    ['too much', 'POST', '/v1/services', ' '.repeat(17 * 1024 * 1024), 413, 'request'],
    ['no such resource', 'GET', '/v2/services', undefined, 404, undefined],
    ['no such operation', 'PATCH', '/v1/services', {}, 404, undefined],
  ];
  for (const [what, method, url, body, status, field] of malformed) {
    test(what, async () => {
      const answer = await ask(method, url, body);
      assert.equal(answer.status, status);
      assert.equal((answer.data as CommandError).code, 'BAD_REQUEST');
      assert.equal((answer.data as CommandError).field, field);
    });
  }

  test('each code has its status', async () => {
    for (const code of Object.keys(ERRORS) as (keyof typeof ERRORS)[]) {
      const failing: Director = { execute: () => Promise.reject(new IpvsError(code, 'because')) };
      const one = await createApi({ director: () => failing, ready: () => true, onFault: () => {} });
      const answer = await one.inject({ method: 'GET', url: '/v1/info' });
      await one.close();
      assert.equal(answer.statusCode, HTTP_STATUS[code]);
      assert.deepEqual(answer.json(), { code, errno: ERRORS[code].errno, message: 'because' });
    }
  });

  test('a fault of ours is a SYSTEM error, and is reported', async () => {
    const seen: unknown[] = [];
    const fault = new TypeError('x is not a function');
    const broken = await createApi({
      director: () => ({ execute: () => Promise.reject(fault) }),
      ready: () => true,
      onFault: (error) => seen.push(error),
    });
    const answer = await broken.inject({ method: 'GET', url: '/v1/info' });
    await broken.close();
    assert.deepEqual([answer.statusCode, answer.json().code], [500, 'SYSTEM']);
    assert.deepEqual(seen, [fault]);
  });
});

describe('network namespaces', () => {
  /** An API whose directors answer `info` with the namespace that they were asked for. */
  const labelled = () =>
    createApi({
      director: (netns) => ({ execute: async () => ({ netns: netns ?? 'the default' }) as never }),
      ready: () => true,
      onFault: (error) => faults.push(error),
    });

  test('a request says which one it is about', async () => {
    const one = await labelled();
    for (const [query, netns] of [
      ['', 'the default'],
      ['?netns=blue', 'blue'],
      ['?netns=a%20b', 'a b'],
    ] as const) {
      assert.deepEqual((await one.inject({ method: 'GET', url: `/v1/info${query}` })).json(), { netns });
      const said = await one.inject({ method: 'POST', url: `/v1/commands/info${query}` });
      assert.deepEqual(said.json(), { netns });
      const batched = await one.inject({
        method: 'POST',
        url: `/v1/commands${query}`,
        payload: [{ command: 'info' }],
      });
      assert.deepEqual(batched.json(), { results: [{ netns }] });
    }
    await one.close();
  });

  test('what is made is where its namespace is', async () => {
    const one = await labelled();
    const made = await one.inject({ method: 'POST', url: '/v1/services?netns=blue', payload: web });
    assert.equal(made.headers.location, '/v1/services/tcp:10.1.0.100:80?netns=blue');
    await one.close();
  });

  test('other parameters are as without it', async () => {
    assert.equal((await ask('GET', '/v1/connections?limit=1&netns=x')).status, 200);
    assert.equal((await ask('GET', '/v1/connections?limits=1&netns=x')).status, 400);
  });

  for (const bad of ['', '..', 'a%2fb', 'x'.repeat(65), 'a&netns=b']) {
    test(`"${bad.slice(0, 20)}" is no name`, async () => {
      const { status, data } = await ask('GET', `/v1/info?netns=${bad}`);
      assert.deepEqual([status, (data as CommandError).field], [400, 'netns']);
    });
  }
});

test('no request, however malformed, is answered with a fault', async () => {
  const words = [
    'v1',
    'services',
    'dests',
    'commands',
    'sysctl',
    'proc',
    'connections',
    'daemons',
    'timeouts',
    'namespaces',
    'zero',
  ];
  const names = [
    'tcp:10.1.0.100:80',
    'fwmark:1',
    '10.2.0.11:80',
    'master',
    'ip_vs',
    'drop_entry',
    ...COMMAND_NAMES,
  ];
  const part = fc.oneof(
    fc.constantFrom(...words, ...names),
    fc.string().map(encodeURIComponent),
    fc.webFragments(),
  );
  const url = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/v1/${parts.join('/')}`);
  const body = fc.option(fc.oneof(fc.json(), fc.string(), fc.constant(JSON.stringify(web))), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Method>('GET', 'POST', 'PUT', 'DELETE'),
      url,
      body,
      async (method, path, payload) => {
        const { status } = await ask(method, path, payload);
        assert.ok(status < 500 || status === 501, `${method} ${path}: ${status}`);
      },
    ),
    { numRuns: 1000 },
  );
});
