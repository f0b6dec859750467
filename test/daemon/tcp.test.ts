/** The API over TCP: what it lets in, and what it does not start with. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { connectDirector } from '../../src/control/client.js';
import type { ServiceSpec } from '../../src/control/command.js';
import { checkTcp } from '../../src/daemon/api-tcp.js';
import type { DaemonSettings } from '../../src/daemon/config/config.js';
import { makeCertificate } from '../support/certificate.js';
import { ipvsd, type Started, startDaemon, stopDaemon, temporaryFolder, until } from '../support/daemon.js';

const folder = temporaryFolder();
after(folder.remove);

function secret(name: string, text: string, mode = 0o600): string {
  const path = `${folder.path}/${name}`;
  writeFileSync(path, text, { mode });
  return path;
}

const FULL = 'full-'.repeat(8);
const READ = 'read-'.repeat(8);
const tokenFile = secret('token', `${FULL}\n`);
const readTokenFile = secret('read-token', READ);

/** The port that the daemon says that it listens on. */
function portOf({ stderr }: Started): number {
  return Number(/listen="?\S+ port (\d+)/.exec(stderr())![1]);
}

interface Ask {
  readonly url: string;
  readonly method?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly client?: { readonly cert: string; readonly key: string };
}

/** The status of an answer; rejects where there is none. */
function ask({ url, method = 'GET', token, ca, client }: Ask): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const options = { method, headers, agent: false as const };
    const answered = (answer: import('node:http').IncomingMessage): void => {
      answer.resume();
      resolve(answer.statusCode!);
    };
    const request = url.startsWith('https')
      ? httpsRequest(url, { ...options, ...(ca !== undefined && { ca }), ...client }, answered)
      : httpRequest(url, options, answered);
    request.on('error', reject).end();
  });
}

describe('the API on a loopback address', () => {
  let daemon: Started;
  let url: string;
  before(async () => {
    const files = ['--token-file', tokenFile, '--read-token-file', readTokenFile];
    daemon = await startDaemon(`${folder.path}/loopback.sock`, ['--listen', '127.0.0.1:0', ...files]);
    url = `http://127.0.0.1:${portOf(daemon)}`;
  });
  after(() => stopDaemon(daemon));

  test('answers those who know the token', async () => {
    assert.equal(await ask({ url: `${url}/v1/info`, token: FULL }), 200);
    assert.equal(await ask({ url: `${url}/v1/info` }), 401);
    assert.equal(await ask({ url: `${url}/v1/info`, token: `${FULL}x` }), 401);
    assert.equal(await ask({ url: `${url}/nowhere` }), 401, 'and says nothing of what there is');
  });

  test('lets the reader read', async () => {
    assert.equal(await ask({ url: `${url}/metrics`, token: READ }), 200);
    assert.equal(await ask({ url: `${url}/v1/services`, method: 'DELETE', token: READ }), 403);
  });

  test('says to anyone whether it lives', async () => {
    assert.equal(await ask({ url: `${url}/healthz` }), 200);
    assert.equal(await ask({ url: `${url}/readyz` }), 200);
  });

  test('is a daemon like any other for ipvsd and ipvsadm', async () => {
    const director = connectDirector({ socket: url, token: FULL });
    const service = { protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'rr' } as ServiceSpec;
    await director.execute('service.add', { service });
    assert.equal((await director.execute('info', {})).numServices, 1);
    director.close();
    const proc = await ipvsd(['proc', 'ip_vs'], { IPVSD_SOCKET: url, IPVSD_TOKEN: FULL });
    assert.match(proc.stdout, /0A010064:0050 rr/);
    const refused = await ipvsd(['proc', 'ip_vs'], { IPVSD_SOCKET: url, IPVSD_TOKEN: '' });
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /no token/);
  });

  test('takes another token at SIGHUP, and keeps the one it has where the file has none', async () => {
    const next = 'next-'.repeat(8);
    writeFileSync(tokenFile, next);
    daemon.child.kill('SIGHUP');
    await until(async () => (await ask({ url: `${url}/v1/info`, token: next })) === 200, 'the new token');
    assert.equal(await ask({ url: `${url}/v1/info`, token: FULL }), 401);
    writeFileSync(tokenFile, 'short');
    daemon.child.kill('SIGHUP');
    await until(() => /not read again.*has no token/.test(daemon.stderr()), 'the refusal');
    assert.equal(await ask({ url: `${url}/v1/info`, token: next }), 200);
    writeFileSync(tokenFile, FULL);
  });
});

describe('the API with TLS', () => {
  const server = makeCertificate(folder.path);
  const client = makeCertificate(folder.path, 'client');
  const ca = readFileSync(server.cert, 'utf8');
  const identity = { cert: readFileSync(client.cert, 'utf8'), key: readFileSync(client.key, 'utf8') };
  const tls = [
    '--listen',
    '127.0.0.1:0',
    '--token-file',
    tokenFile,
    '--tls-cert',
    server.cert,
    '--tls-key',
    server.key,
  ];

  test('answers over TLS, and only so', async () => {
    const daemon = await startDaemon(`${folder.path}/tls.sock`, tls);
    const port = portOf(daemon);
    assert.equal(await ask({ url: `https://127.0.0.1:${port}/v1/info`, token: FULL, ca }), 200);
    assert.equal(await ask({ url: `https://127.0.0.1:${port}/v1/info`, ca }), 401);
    await assert.rejects(ask({ url: `https://127.0.0.1:${port}/v1/info`, token: FULL }), /self-signed/);
    await assert.rejects(ask({ url: `http://127.0.0.1:${port}/v1/info`, token: FULL }));
    const env = {
      IPVSD_SOCKET: `https://127.0.0.1:${port}`,
      IPVSD_TOKEN: FULL,
      NODE_EXTRA_CA_CERTS: server.cert,
    };
    assert.equal((await ipvsd(['proc', 'ip_vs'], env)).code, 0);
    await stopDaemon(daemon);
  });

  test("asks for clients' certificates where it is told to", async () => {
    const daemon = await startDaemon(`${folder.path}/mutual.sock`, [...tls, '--tls-client-ca', client.cert]);
    const url = `https://127.0.0.1:${portOf(daemon)}/v1/info`;
    assert.equal(await ask({ url, token: FULL, ca, client: identity }), 200);
    await assert.rejects(ask({ url, token: FULL, ca }));
    await stopDaemon(daemon);
  });
});

describe('settings of the API over TCP', () => {
  const refused = (settings: DaemonSettings, message: RegExp): void => {
    assert.throws(
      () => checkTcp(settings),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'BAD_CONFIG');
        assert.match(error.message, message);
        return true;
      },
    );
  };

  test('that do not fit together are refused', () => {
    assert.equal(checkTcp({}), undefined);
    refused({ tokenFile }, /^tokenFile: means something only with "listen"/);
    refused({ listen: '127.0.0.1:9118' }, /^tokenFile: must name a file/);
    for (const listen of [
      '9118',
      '127.0.0.1',
      '127.0.0.1:x',
      '127.0.0.1:65536',
      'localhost:1',
      '::1:9118',
      '[::1]',
    ]) {
      refused({ listen, tokenFile }, /^listen: ".*" is not an address and a port/);
    }
    refused({ listen: '127.0.0.1:1', tokenFile, tlsCert: 'x' }, /^tlsKey: must be given too/);
    refused(
      { listen: '127.0.0.1:1', tokenFile, tlsClientCa: 'x' },
      /^tlsClientCa: means something only with/,
    );
  });

  test('listen beyond loopback with TLS only', () => {
    for (const listen of [
      '0.0.0.0:9118',
      '[::]:9118',
      '10.0.0.1:9118',
      '[fd00::1]:9118',
      '[::ffff:127.0.0.1]:9118',
    ]) {
      refused({ listen, tokenFile }, /is no loopback address: "tlsCert" and "tlsKey" must be given/);
      assert.ok(checkTcp({ listen, tokenFile, tlsCert: 'c', tlsKey: 'k' }));
    }
    assert.deepEqual(checkTcp({ listen: '[::1]:9118', tokenFile }), { host: '::1', port: 9118 });
    assert.ok(checkTcp({ listen: '127.9.9.9:9118', tokenFile }));
  });

  const start = (flags: readonly string[]) =>
    ipvsd([
      'run',
      '--datapath',
      'none',
      '--socket',
      `${folder.path}/bad.sock`,
      '--listen',
      '127.0.0.1:0',
      ...flags,
    ]);

  test('keep a daemon from starting whose secrets are none', async () => {
    const open = await start(['--token-file', secret('open', FULL, 0o644)]);
    assert.equal(open.code, 5);
    assert.match(open.stderr, /tokenFile: .*open can be read by everyone/);
    assert.match((await start(['--token-file', secret('short', 'x')])).stderr, /has no token \(32 or more/);
    assert.match((await start(['--token-file', `${folder.path}/none`])).stderr, /cannot be read/);
    const swapped = ['--tls-cert', tokenFile, '--tls-key', tokenFile];
    assert.match(
      (await start(['--token-file', tokenFile, ...swapped])).stderr,
      /no certificate and key that fit/,
    );
  });
});
