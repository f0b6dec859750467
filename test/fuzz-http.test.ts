/** Requests to every resource that the OpenAPI document knows, spoilt in all their parts, and bytes that are no requests. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { createApi } from '../src/control/http/api.js';
import type { JsonSchema } from '../src/control/shape.js';
import type { Net } from '../src/engine/net.js';
import { ERRORS } from '../src/errors.js';
import { newNamespaces, open } from './config/support.js';
import { temporaryFolder } from './support/daemon.js';
import { beginning } from './support/fuzz-events.js';
import { assertInvariants } from './support/invariants.js';
import { SchemaValues } from './support/schema-values.js';
import { stateText } from './support/state-text.js';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'] as const;
type Method = (typeof METHODS)[number];

/** An operation of the document. */
interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly parameters?: readonly { name: string; in: string; schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: JsonSchema }> };
}

/** A request as it is sent. */
interface Ask {
  readonly method: Method;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly payload?: string;
}

/** Commands of a batch that were carried out stay so when a later one fails. */
const IN_PARTS = /^\/v1\/commands(\?|$)/;

let api: FastifyInstance;
let nets: Net[] = [];
const faults: unknown[] = [];

/** A director with services for many of the requests. */
beforeEach(async () => {
  nets = [];
  const directors = await open(await newNamespaces((net) => nets.push(net)));
  for (const { command, args } of beginning()) await directors.execute(command, args);
  api = await createApi({
    director: () => directors,
    ready: () => true,
    onFault: (error) => faults.push(error),
  });
});

/** What can be asked, from the document. */
async function operations(): Promise<{ document: JsonSchema; all: Operation[] }> {
  const document = (await api.inject('/openapi.json')).json<JsonSchema>();
  const paths = document.paths as Record<string, Record<string, object>>;
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, of]) => ({ ...of, path, method: method.toUpperCase() as Method })),
  );
  return { document, all };
}

const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  service: [
    'tcp:10.1.0.100:80',
    'udp:[fd00:1::100]:86',
    'tcp:10.1.0.100:99',
    'fwmark:1',
    'tcp:x:80',
    'fwmark:1:inet6',
  ],
  dest: ['10.2.0.11:8080', '[fd00:2::11]:8080', '10.2.0.12', ':80'],
  state: ['master', 'backup', 'third'],
  netns: ['blue', '..', 'a%2fb'],
  name: ['drop_entry', 'ip_vs', 'ip_vs_conn', 'blue', 'no_such'],
  interface: ['eth0', 'lo'],
  address: ['10.1.0.100', 'fd00:1::100'],
};
const strange = fc.oneof(
  fc.constantFrom(
    '',
    '%',
    '%00',
    '%ff',
    '..',
    '%2e%2e',
    '-1',
    '1e9',
    'x'.repeat(300),
    '\u00e4',
    'a=b',
    '__proto__',
  ),
  fc
    .string({ unit: 'binary', maxLength: 12 })
    .map((text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''))),
);
const parameter = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...(PARAMETERS[name] ?? ['0', '1', '10', 'tcp'])) },
    { weight: 1, arbitrary: strange },
  );

const HEADERS = [
  { 'content-type': 'application/json' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-type': '' },
  { 'content-type': 'x' },
  { 'content-length': '3' },
  { 'transfer-encoding': 'chunked' },
  { 'content-encoding': 'gzip' },
  { expect: '100-continue' },
  { accept: 'text/plain' },
  { range: 'bytes=0-' },
];

function askFor(operation: Operation, values: SchemaValues): fc.Arbitrary<Ask> {
  const { method, path, parameters = [], requestBody } = operation;
  const inPath = Object.fromEntries(
    [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, parameter(name!)]),
  );
  const query = fc.subarray(parameters.filter((p) => p.in === 'query').map(({ name }) => name));
  const [content] = Object.values(requestBody?.content ?? {});
  const value = content === undefined ? fc.constant(undefined) : values.of(content.schema, 'text');
  const body = value.map((v) => (v === undefined || typeof v === 'string' ? v : JSON.stringify(v)));
  const spoilt = body.chain((text = '{}') =>
    fc.oneof(
      fc.nat(text.length).map((at) => text.slice(0, at)),
      fc.constantFrom('', 'null', '[]', '"', '{"a":1,"a":2}', '\ufeff{}', '[{}]', '\0'),
    ),
  );
  return fc
    .record({ inPath: fc.record(inPath), query, other: fc.nat(39), headers: fc.constantFrom(...HEADERS) })
    .chain(({ inPath: given, query: names, other, headers }) =>
      fc
        .tuple(
          fc.oneof({ weight: 10, arbitrary: body }, { weight: 1, arbitrary: spoilt }),
          fc.tuple(...names.map(parameter)),
          fc.constantFrom(...METHODS),
        )
        .map(([payload, found, otherMethod]): Ask => {
          const asked = names.map((name, i) => `${name}=${found[i]}`).join('&');
          const url = path.replace(
            /\{(\w+)\}/g,
            (_whole, name: string) => (given as Record<string, string>)[name]!,
          );
          return {
            method: other === 0 ? otherMethod : method,
            url: asked === '' ? url : `${url}?${asked}`,
            headers: other < 20 ? headers : {},
            ...(payload !== undefined && { payload }),
          } as Ask;
        }),
    );
}

describe('whatever is asked of the API', () => {
  test('is answered as the document says, or refused with a code; what is refused changes nothing', async () => {
    const { document, all } = await operations();
    const values = new SchemaValues(document);
    const answered = all.filter(({ path }) => path !== '/v1/events').map((of) => askFor(of, values));
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(...answered), async ({ method, url, headers, payload }) => {
        const before = nets.map((net) => stateText(net.ipvs));
        const answer = await api.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
        const { statusCode: status } = answer;
        seen.set(status, (seen.get(status) ?? 0) + 1);
        assert.ok(status < 500 || status === 501 || status === 503, `${status}: ${answer.body}`);
        assert.deepEqual(faults, []);
        if (status >= 400 && method !== 'HEAD') {
          const { code, message } = answer.json<{ code: string; message: string }>();
          assert.ok(Object.hasOwn(ERRORS, code) && message !== '', answer.body);
        }
        if (status >= 400 && !IN_PARTS.test(url) && !url.includes('config')) {
          const after = nets.map((net) => stateText(net.ipvs));
          assert.deepEqual(after, before, `${status} was told, and something done`);
        }
        for (const { ipvs } of nets) assertInvariants(ipvs);
      }),
      { numRuns: 800 },
    );
    for (const status of [200, 201, 204, 400, 404, 409])
      assert.ok(seen.has(status), `no ${status} among ${[...seen.keys()]}`);
  });
});

describe('bytes that are no request', () => {
  const folder = temporaryFolder();
  const path = `${folder.path}/s`;
  after(async () => {
    await api.close();
    folder.remove();
  });

  test('end their connection at most', async () => {
    await api.listen({ path });
    const start = fc.constantFrom(
      'GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /v1/services HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}',
      'POST /v1/zero HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      'GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET http://[::1]:80/v1/info HTTP/1.0\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /v1/info HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(5000)}\r\n`,
    );
    const piece = fc.oneof(
      { weight: 4, arbitrary: start },
      {
        weight: 1,
        arbitrary: fc.constantFrom('\r\n', '\0', 'Content-Length: -1\r\n', 'ffffffffffffffff\r\n', ': x\r\n'),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    );
    const change = fc.record({ at: fc.nat(120), letter: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 4 }),
        fc.array(change, { maxLength: 3 }),
        async (pieces, changes) => {
          const bytes = Buffer.from(pieces.join(''), 'latin1');
          for (const { at, letter } of changes) if (at < bytes.length) bytes[at] = letter;
          const socket = createConnection(path);
          socket.on('error', () => {});
          socket.resume();
          socket.end(bytes);
          // whoever listens to events is told nothing, and goes
          socket.setTimeout(200, () => socket.destroy());
          await new Promise((resolve) => socket.on('close', resolve));
          assert.deepEqual(faults, []);
        },
      ),
      { numRuns: 300 },
    );
    assert.equal((await api.inject('/v1/info')).statusCode, 200);
  });
});
