/** How a server shows who it is: certificates of every kind, for every check by TLS. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createServer as createTls, type TlsOptions } from 'node:tls';
import { Authority, type Issued } from '../../../test/support/authority.js';
import { type ActiveCheck, checkSpec } from '../../control/check-spec.js';
import { check } from '../check.js';

const HOST = '127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'ipvsd-secure-'));
const closers: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
after(() => {
  for (const close of closers) close();
});

const ours = new Authority(folder, 'ours');
const theirs = new Authority(folder, 'theirs');
const good = ours.issue(`DNS:shop.example,DNS:*.shop.example,IP:${HOST}`);

/** Lets a server listen until the tests have ended. @returns its port */
async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Servers that are well, by kind of check. */
const SERVERS: Record<string, (options: TlsOptions) => Server> = {
  tls: (options) => createTls(options, (socket) => socket.on('error', () => {}).end('well')),
  https: (options) => createHttps(options, (_, answer) => answer.end('well')),
  grpcs: (options) => {
    const server = createSecureServer(options);
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.of(0, 0, 0, 0, 2, 8, 1));
    });
    server.on('sessionError', () => {});
    return server;
  },
};

for (const [type, serve] of Object.entries(SERVERS)) {
  /** Checks a server. @param issued its certificate. @param terms of the check */
  async function ask(
    issued: Issued,
    terms: Record<string, unknown>,
    options: TlsOptions = {},
  ): Promise<unknown> {
    const server = serve({ ...issued, ...options });
    server.on('tlsClientError', () => {});
    const port = await listening(server);
    try {
      const spec = checkSpec.read({ type, ...terms }, 'check') as ActiveCheck;
      return await check({ address: HOST, port }, spec, AbortSignal.timeout(10_000));
    } finally {
      server.close();
    }
  }
  const ca = ours.file;

  describe(`a check by ${type}`, () => {
    it('is content with a certificate of the authority that it trusts, for the address', async () => {
      assert.equal(await ask(good, { ca }), undefined);
    });

    it('is content with one for the name that it asks for, also by a wildcard', async () => {
      assert.equal(await ask(ours.issue('DNS:shop.example'), { ca, serverName: 'shop.example' }), undefined);
      assert.equal(await ask(good, { ca, serverName: 'eu.shop.example' }), undefined);
    });

    it('is content with one for another address that it is told of', async () => {
      assert.equal(await ask(ours.issue('IP:192.0.2.10'), { ca, serverName: '192.0.2.10' }), undefined);
    });

    it('refuses one for another name, or another address', async () => {
      await assert.rejects(
        ask(good, { ca, serverName: 'bank.example' }),
        /bank\.example.* is not in the cert's altnames/,
      );
      await assert.rejects(
        ask(good, { ca, serverName: 'a.b.shop.example' }),
        /is not in the cert's altnames/,
      );
      await assert.rejects(
        ask(ours.issue('IP:192.0.2.10'), { ca }),
        /127\.0\.0\.1 is not in the cert's list: 192\.0\.2\.10/,
      );
      await assert.rejects(
        ask(ours.issue('DNS:shop.example'), { ca }),
        /127\.0\.0\.1 is not in the cert's list/,
      );
    });

    it('refuses one of another authority, and of any private one when it is told of none', async () => {
      await assert.rejects(ask(theirs.issue(`IP:${HOST}`), { ca }), /unable to verify/);
      await assert.rejects(ask(good, {}), /unable to verify/);
    });

    it('refuses one that has expired', async () => {
      await assert.rejects(ask(ours.issue(`IP:${HOST}`, -1), { ca }), /certificate has expired/);
    });

    it('takes all of these when it is told not to verify, and whatever file there is', async () => {
      for (const issued of [theirs.issue('DNS:bank.example'), ours.issue(`IP:${HOST}`, -1)]) {
        assert.equal(
          await ask(issued, { verify: false, serverName: 'shop.example', ca: '/nowhere' }),
          undefined,
        );
      }
    });

    it('is shown the certificate of the name that it asks for (SNI), and asks for no address', async () => {
      const asked: string[] = [];
      const contexts: TlsOptions = {
        SNICallback(name, done) {
          asked.push(name);
          done(null);
        },
      };
      await ask(good, { ca, serverName: 'shop.example' }, contexts);
      await ask(good, { ca, serverName: HOST }, contexts);
      await ask(good, { ca }, contexts);
      assert.deepEqual(asked, ['shop.example']);
    });

    it('fails when nobody is there, when no TLS comes, and when nothing does', async () => {
      const ask = (port: number, timeout = 10_000) => {
        const spec = checkSpec.read({ type, verify: false }, 'check') as ActiveCheck;
        return check({ address: HOST, port }, spec, AbortSignal.timeout(timeout));
      };
      const closed = createServer();
      const port = await listening(closed);
      await new Promise((resolve) => closed.close(resolve));
      await assert.rejects(ask(port), /ECONNREFUSED/);
      await assert.rejects(ask(await listening(createServer((socket) => socket.end('no TLS')))));
      const silent = createServer((socket) => socket.on('error', () => {}));
      await assert.rejects(ask(await listening(silent), 100), /timeout/);
    });

    it('says what is wrong with the file of authorities, and reads it again when it has changed', async () => {
      const file = join(folder, `${type}.ca`);
      await assert.rejects(ask(good, { ca: file }), /ENOENT.*\.ca/);
      writeFileSync(file, 'no certificate');
      await assert.rejects(ask(good, { ca: file }), /\.ca: no certificate \(PEM\) in it/);
      writeFileSync(file, readFileSync(theirs.file));
      await assert.rejects(ask(good, { ca: file }), /unable to verify/);
      // of several each is trusted
      writeFileSync(file, Buffer.concat([readFileSync(theirs.file), readFileSync(ours.file)]));
      assert.equal(await ask(good, { ca: file }), undefined);
    });
  });
}

describe('a check by https', () => {
  it('wants the certificate of the host that it asks for, when it is told no other name', async () => {
    const server = createHttps(good, (request, answer) => answer.end(request.headers.host));
    const port = await listening(server);
    const ask = (host: string) => {
      const spec = checkSpec.read(
        { type: 'https', ca: ours.file, headers: { host } },
        'check',
      ) as ActiveCheck;
      return check({ address: HOST, port }, spec, AbortSignal.timeout(10_000));
    };
    assert.equal(await ask('shop.example:8443'), undefined);
    await assert.rejects(ask('bank.example'), /bank\.example.* is not in the cert's altnames/);
  });
});

describe('a check by grpcs', () => {
  it('fails with a server that does not speak HTTP/2', async () => {
    const server = createHttps({ ...good, ALPNProtocols: ['http/1.1'] }, (_, answer) => answer.end());
    const port = await listening(server);
    const spec = checkSpec.read({ type: 'grpcs', verify: false }, 'check') as ActiveCheck;
    await assert.rejects(check({ address: HOST, port }, spec, AbortSignal.timeout(10_000)), /protocol/i);
  });
});
