/** What every kind of check does, and what each looks at. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { makeCertificate } from '../../test/support/certificate.js';
import { type ActiveCheck, checkSpec } from '../control/check-spec.js';
import { check } from './check.js';

const HOST = '127.0.0.1';
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

function ask(port: number, given: Record<string, unknown>, timeout = 2000, address = HOST) {
  const spec = checkSpec.read(given, 'check') as ActiveCheck;
  return check({ address, port }, spec, AbortSignal.timeout(timeout));
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const tcp = (talk: (socket: Socket) => void): Promise<number> =>
  listening(
    createServer((socket) => {
      socket.on('error', () => {});
      talk(socket);
    }),
  );
const http = (listener: RequestListener): Promise<number> => listening(createHttp(listener));

/** A UDP server that answers by `reply`. */
async function udp(reply: (message: Buffer) => Buffer | string | undefined): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => {
    const answer = reply(message);
    if (answer !== undefined) socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, HOST, resolve));
  closers.push(() => socket.close());
  return socket.address().port;
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The response code of DNS in an answer to the question that came. */
const dnsAnswer = (code: number) => (question: Buffer) => {
  const answer = Buffer.from(question);
  answer.writeUInt16BE(0x8180 | code, 2);
  // no additional records: the question may have had one
  answer.writeUInt16BE(0, 10);
  let end = 12;
  while (answer[end] !== 0) end += 1 + answer[end]!;
  return answer.subarray(0, end + 5);
};

/** A server of gRPC's health protocol. */
async function grpc(answer: Buffer, grpcStatus = '0'): Promise<[port: number, asked: Buffer[]]> {
  const asked: Buffer[] = [];
  const server = createHttp2();
  server.on('stream', (stream, headers) => {
    assert.equal(headers[':path'], '/grpc.health.v1.Health/Check');
    stream.on('data', (piece: Buffer) => asked.push(piece));
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
      stream.end(answer);
    });
  });
  return [await listening(server), asked];
}

/** A mail server. @param replies to the connection, HELO and QUIT; none is the end */
const smtp = (replies: readonly string[], heard: string[] = []): Promise<number> =>
  tcp((socket) => {
    let next = 0;
    const reply = () => (next < replies.length ? socket.write(replies[next++]!) : socket.end());
    socket.on('data', (line) => {
      heard.push(String(line));
      reply();
    });
    reply();
  });
const GOOD_MAIL = ['220 mail\r\n', '250 hello\r\n', '221 bye\r\n'];

const SERVING = Buffer.of(0, 0, 0, 0, 2, 8, 1);

describe('every check', () => {
  /** A server that is well, by kind; one that is there and says nothing is made by the suite. */
  const GOOD: Record<string, () => Promise<number>> = {
    tcp: () => tcp((socket) => socket.end('hello')),
    http: () => http((_, answer) => answer.end('hello')),
    udp: () => udp(() => 'hello'),
    dns: () => udp(dnsAnswer(0)),
    grpc: async () => (await grpc(SERVING))[0],
    agent: () => tcp((socket) => socket.end('up\n')),
    smtp: () => smtp(GOOD_MAIL),
  };
  const silentTcp = () => tcp(() => {});
  const silentUdp = () => udp(() => undefined);
  const EXPECTING = { contains: 'hello' };
  const specOf = (type: string) => ({ type, ...(['tcp', 'udp', 'http'].includes(type) && EXPECTING) });

  for (const [type, good] of Object.entries(GOOD)) {
    it(`${type} is content with a server that is well`, async () => {
      assert.equal(await ask(await good(), specOf(type)), undefined);
    });

    it(`${type} fails when nobody is there, with a reason`, async () => {
      await assert.rejects(ask(await closedPort(), specOf(type)), (error: Error) => error.message.length > 0);
    });

    it(`${type} gives up when it is told to`, async () => {
      const silent = type === 'udp' || type === 'dns' ? silentUdp : silentTcp;
      const begin = performance.now();
      await assert.rejects(ask(await silent(), specOf(type), 100));
      assert.ok(performance.now() - begin < 1500);
    });
  }
});

describe('a check by TCP', () => {
  it('says something and looks for a text or a pattern in what comes', async () => {
    const port = await tcp((socket) => socket.on('data', (text) => socket.end(`you said ${text}`)));
    assert.equal(await ask(port, { type: 'tcp', send: 'PING\r\n', contains: 'PING' }), undefined);
    assert.equal(await ask(port, { type: 'tcp', send: 'PING\r\n', matches: '^you .*PING' }), undefined);
    await assert.rejects(
      ask(port, { type: 'tcp', send: 'PING\r\n', contains: 'PONG' }),
      /ended without "PONG"/,
    );
  });
  it('says bytes that are no text', async () => {
    const port = await tcp((socket) => socket.on('data', (bytes) => socket.end(bytes.toString('hex'))));
    assert.equal(await ask(port, { type: 'tcp', sendHex: '00fF80', contains: '00ff80' }), undefined);
  });
});

describe('a check by SMTP', () => {
  it('greets by a name, waits for each answer to its end, and says good-bye', async () => {
    const heard: string[] = [];
    const [, hello, bye] = GOOD_MAIL;
    const port = await smtp(['220-one\r\n220-two\r\n220 three\r\n', hello!, bye!], heard);
    assert.equal(await ask(port, { type: 'smtp', helo: 'lb1.example' }), undefined);
    assert.deepEqual(heard, ['HELO lb1.example\r\n', 'QUIT\r\n']);
  });
  for (const [what, replies, reason] of [
    ['does not want to be talked to', ['554 no\r\n'], /greeting: "554 no"/],
    ['is too busy', [GOOD_MAIL[0], '421-too\r\n421 busy\r\n'], /HELO \S+: "421 busy"/],
    ['hangs up', [GOOD_MAIL[0]], /HELO \S+: ended without an answer/],
    ['speaks another language', ['HTTP/1.1 200 OK\r\n'], /greeting: "HTTP\/1.1 200 OK"/],
  ] as const) {
    it(`fails when the server ${what}`, async () => {
      await assert.rejects(ask(await smtp(replies as readonly string[]), { type: 'smtp' }), reason);
    });
  }
});

describe('an encrypted check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-checkers-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const files = makeCertificate(folder);
  const pair = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  const options = (names: string[]) => ({
    ...pair,
    SNICallback(name: string, done: (error: null) => void) {
      names.push(name);
      done(null);
    },
  });
  const tls = (names: string[] = []) =>
    listening(
      createTls(options(names), (socket) => {
        socket.on('error', () => {});
        socket.end('hello');
      }),
    );
  const https = (names: string[] = []) =>
    listening(createHttps(options(names), (_, answer) => answer.end('hello')));

  for (const [type, serve] of [
    ['tls', tls],
    ['https', https],
  ] as const) {
    it(`${type} takes any certificate when it is told to, and only a good one else`, async () => {
      const port = await serve();
      assert.equal(await ask(port, { type, verify: false, contains: 'hello' }), undefined);
      await assert.rejects(ask(port, { type, contains: 'hello' }), /self-signed/);
    });

    it(`${type} asks for a server by its name`, async () => {
      const names: string[] = [];
      const port = await serve(names);
      await ask(port, { type, verify: false, serverName: 'shop.example' });
      if (type === 'https') await ask(port, { type, verify: false, headers: { host: 'web.example:443' } });
      assert.deepEqual(names, type === 'https' ? ['shop.example', 'web.example'] : ['shop.example']);
    });

    it(`${type} fails when nobody is there, and when nothing comes`, async () => {
      await assert.rejects(ask(await closedPort(), { type, verify: false }), /ECONNREFUSED/);
      await assert.rejects(ask(await tcp(() => {}), { type, verify: false }, 200));
      await assert.rejects(ask(await tcp((socket) => socket.end('no TLS')), { type, verify: false }));
    });
  }
});

describe('an agent', () => {
  for (const [line, percent] of [
    ['75%', 75],
    ['up 20%', 20],
    ['ready', undefined],
    ['drain', 0],
  ] as const) {
    it(`that says "${line}" asks for ${percent ?? 'the whole'} weight`, async () => {
      assert.equal(await ask(await tcp((s) => s.end(`${line}\n`)), { type: 'agent' }), percent);
    });
  }
  it('that says "down" or nonsense means a failure', async () => {
    await assert.rejects(ask(await tcp((s) => s.end('down#reason\n')), { type: 'agent' }), /down/);
    await assert.rejects(
      ask(await tcp((s) => s.end('banana\n')), { type: 'agent' }),
      /nothing that is known/,
    );
    await assert.rejects(ask(await tcp((s) => s.end('up')), { type: 'agent' }), /without a line/);
  });
});

describe('a check by HTTP', () => {
  it('looks at the status, headers and body', async () => {
    const port = await http((request, answer) => {
      answer.statusCode = request.url === '/sick' ? 503 : 200;
      answer.setHeader('x-version', 'v2.1');
      answer.end(`host ${request.headers.host}, ${request.method} ${request.url}`);
    });
    const base = { type: 'http', path: '/well', headers: { host: 'shop.example' } };
    assert.equal(await ask(port, { ...base, matches: 'shop\\.example.*GET /well' }), undefined);
    await assert.rejects(ask(port, { ...base, matches: '^HOST' }), /no \/\^HOST\//);
    assert.equal(await ask(port, { ...base, matches: '^HOST', ignoreCase: true }), undefined);
    assert.equal(await ask(port, { ...base, expectHeaders: { 'X-Version': 'v2' } }), undefined);
    await assert.rejects(ask(port, { ...base, path: '/sick' }), /status 503/);
    assert.equal(await ask(port, { ...base, path: '/sick', status: ['500-599'] }), undefined);
    await assert.rejects(ask(port, { ...base, contains: 'other' }), /no "other"/);
    await assert.rejects(ask(port, { ...base, expectHeaders: { 'x-other': 'v2' } }), /x-other is missing/);
  });
});

describe('a digest of the body', () => {
  it('is of the whole of it, and no other', async () => {
    const body = Buffer.from('caf\u00e9\xff', 'latin1');
    const port = await http((_, answer) => answer.end(body));
    const md5 = createHash('md5').update(body).digest('hex');
    assert.equal(await ask(port, { type: 'http', md5 }), undefined);
    assert.equal(await ask(port, { type: 'http', md5: md5.toUpperCase() }), undefined);
    await assert.rejects(
      ask(port, { type: 'http', md5: '0'.repeat(32) }),
      new RegExp(`the MD5 of the body is ${md5}`),
    );
  });
  it('is not taken of more than 256 KiB', async () => {
    const port = await http((_, answer) => answer.end(Buffer.alloc((256 << 10) + 1)));
    await assert.rejects(ask(port, { type: 'http', md5: '0'.repeat(32) }), /more than 262144 bytes/);
  });
});

describe('a check by DNS', () => {
  it('takes "no such name" for an answer only when it is told to', async () => {
    const port = await udp(dnsAnswer(3));
    await assert.rejects(ask(port, { type: 'dns', name: 'a.example', record: 'A' }));
    assert.equal(await ask(port, { type: 'dns', name: 'a.example', record: 'A', nxdomain: true }), undefined);
  });
  it('asks for a name and a kind of record', async () => {
    let asked = '';
    const port = await udp((question) => {
      asked = question.subarray(12).toString('latin1');
      return dnsAnswer(0)(question);
    });
    await ask(port, { type: 'dns', name: 'a.example.', record: 'AAAA' });
    assert.equal(asked, '\x01a\x07example\0\0\x1c\0\x01');
    await ask(port, { type: 'dns' });
    assert.equal(asked, '\0\0\x02\0\x01');
  });
  it('hears no answer but that to its question', async () => {
    const port = await udp((question) => {
      const other = dnsAnswer(0)(question);
      other[0]! ^= 1;
      return other;
    });
    await assert.rejects(ask(port, { type: 'dns' }, 200));
  });
  it('fails when the server fails', async () => {
    await assert.rejects(ask(await udp(dnsAnswer(2)), { type: 'dns' }), /SERVFAIL/);
  });
});

describe('a check by gRPC', () => {
  it('asks for a service by name', async () => {
    const [port, asked] = await grpc(SERVING);
    await ask(port, { type: 'grpc', service: 'shop' });
    assert.deepEqual(Buffer.concat(asked), Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('shop')]));
  });
  it('fails unless the server is serving', async () => {
    await assert.rejects(
      ask((await grpc(Buffer.of(0, 0, 0, 0, 2, 8, 2)))[0], { type: 'grpc' }),
      /not serving/,
    );
    await assert.rejects(ask((await grpc(Buffer.of(0, 0, 0, 0, 0)))[0], { type: 'grpc' }), /unknown/);
    await assert.rejects(ask((await grpc(Buffer.alloc(0), '12'))[0], { type: 'grpc' }), /gRPC status 12/);
  });
});

describe('a check by UDP', () => {
  it('that expects nothing is content when nobody says that the port is closed', async () => {
    assert.equal(await ask(await udp(() => undefined), { type: 'udp' }), undefined);
  });
  it('says bytes, and looks at bytes', async () => {
    const port = await udp((bytes) => Buffer.concat([bytes, Buffer.of(0xff)]));
    assert.equal(await ask(port, { type: 'udp', sendHex: '00fe', matches: '^\\x00\\xfe\\xff$' }), undefined);
  });
});

describe('a check by a program', () => {
  it('gives it address and port, and takes its status', async () => {
    const script = '[ "$CHECK_ADDRESS:$CHECK_PORT" = 127.0.0.1:8080 ] || { echo not me >&2; exit 3; }';
    const spec = { type: 'exec', command: ['/bin/sh', '-c', script] };
    assert.equal(await ask(8080, spec), undefined);
    await assert.rejects(ask(8081, spec), /not me/);
  });
  it('ends it when it takes too long', async () => {
    await assert.rejects(ask(1, { type: 'exec', command: ['/bin/sleep', '30'] }, 100));
  });
});

describe('a check by ping', { skip: process.getuid?.() !== 0 && 'needs root (raw sockets)' }, () => {
  for (const address of ['127.0.0.1', '::1']) {
    it(`is answered by ${address}, by many at a time`, async () => {
      const all = Array.from({ length: 50 }, () => ask(0, { type: 'ping' }, 2000, address));
      assert.deepEqual(new Set(await Promise.all(all)), new Set([undefined]));
    });
  }
});

describe('the configuration of a check', () => {
  for (const [text, given, expected] of [
    ['an unknown kind', { type: 'snmp' }, /check\.type: "snmp" is not a kind of check \(tcp, tls/],
    ['a field of another kind', { type: 'tcp', path: '/' }, /check\.path: unknown field/],
    [
      'a pattern that is none',
      { type: 'http', matches: '(' },
      /check\.matches: "\(" is not a regular expression/,
    ],
    ['a status that is none', { type: 'http', status: ['2xx'] }, /check\.status\[0\]: "2xx" is not a status/],
    ['bytes that are none', { type: 'udp', sendHex: '123' }, /check\.sendHex: "123" is not bytes in hex/],
    [
      'two things to send',
      { type: 'tcp', send: 'a', sendHex: '61' },
      /check\.sendHex: what is sent is given twice/,
    ],
    ['an empty command', { type: 'exec', command: [] }, /check\.command: an empty list/],
    [
      'a time that is none',
      { type: 'ping', interval: 0 },
      /check\.interval: 0 is not a number of milliseconds/,
    ],
  ] as const) {
    it(`refuses ${text}, naming the field`, () => {
      assert.throws(() => checkSpec.read(given, 'check'), expected);
    });
  }
});
