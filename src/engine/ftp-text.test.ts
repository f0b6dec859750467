import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AF_INET, AF_INET6, type Family, inetToString } from '../wire/inet.js';
import { extendedText, findPassive, quadText, readActive, readPassiveReply } from './ftp-text.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

const passive = (text: string, family: Family = AF_INET): string | undefined =>
  findPassive(bytes(text), 0, text.length, family);

function active(text: string, family: Family = AF_INET): string | undefined {
  const found = readActive(bytes(text), 0, text.length, family);
  return found && `${inetToString(found.addr!)} ${found.port}`;
}

/** Address, port, and the text that is to be replaced. */
function reply(text: string, command: 'PASV' | 'EPSV', family: Family = AF_INET): string | undefined {
  const found = readPassiveReply(bytes(text), 0, text.length, family, command);
  return (
    found &&
    `${found.addr ? inetToString(found.addr) : '-'} ${found.port} ${text.slice(found.start, found.end)}`
  );
}

describe('a client asks the server to listen', () => {
  const CASES: [string, string | undefined][] = [
    ['PASV\r\n', 'PASV'],
    ['pAsV\r\n', 'PASV'],
    ['NOOP\r\nPASV\r\nNOOP\r\n', 'PASV'],
    ['PASV\n', undefined],
    ['PASV \r\n', undefined],
    ['PASV\r', undefined],
    ['EPSV\r\n', 'EPSV'],
    ['epsv 1\r\n', 'EPSV'],
    ['EPSV 1\r', 'EPSV'],
    ['EPSV\r', undefined],
    ['EPSV 2\r\n', 'none'],
    ['EPSV ALL\r\n', 'none'],
    ['EPSV 1 \r\n', 'none'],
    ['EPSV 2\r\nPASV\r\n', 'none'],
    ['EPSVX\r\nPASV\r\n', 'PASV'],
  ];
  for (const [text, what] of CASES) {
    it(`${JSON.stringify(text)}: ${what ?? 'no command'}`, () => assert.equal(passive(text), what));
  }
  it('over IPv6 by EPSV alone', () => {
    assert.equal(passive('PASV\r\n', AF_INET6), undefined);
    assert.equal(passive('EPSV 2\r\n', AF_INET6), 'EPSV');
    assert.equal(passive('EPSV 1\r\n', AF_INET6), 'none');
  });
});

describe('a client tells where it listens', () => {
  const CASES: [string, string | undefined][] = [
    ['PORT 10,1,0,10,120,1\r\n', '10.1.0.10 30721'],
    ['port\t010,1,0,10,120,2\n', '10.1.0.10 30722'],
    ['PORT10,1,0,10,120,3x', '10.1.0.10 30723'],
    ['PORT 10,1,0,10,120,4', undefined],
    ['PORT (10,1,0,10,120,5)\r\n', undefined],
    [' PORT 10,1,0,10,120,6\r\n', undefined],
    ['PORT 10,1,0,10,120\r\n', undefined],
    ['PORT 10,1,0,266,376,7\r\n', '10.1.0.10 30727'],
    ['EPRT |1|10.1.0.10|30001|\r\n', '10.1.0.10 30001'],
    ['eprt  !1!010.1.0.10!030002!', '10.1.0.10 30002'],
    ['EPRT |1|10.1.0.10|95539|x', '10.1.0.10 30003'],
    ['EPRT |2|fd00::1|30004|\r\n', undefined],
    ['EPRT |||30005|\r\n', undefined],
    ['EPRT |1||30006|\r\n', undefined],
    ['EPRT |1|10.1.0|30007|\r\n', undefined],
    ['EPRT |1|10.1.0.256|30008|\r\n', undefined],
    ['EPRT |1|10.1.0.10|0|\r\n', undefined],
    ['EPRT |1|10.1.0.10|30009\r\n', undefined],
    ['EPRT\t|1|10.1.0.10|30010|\r\n', undefined],
    ['EPRT .1.10.1.0.10.30011.\r\n', undefined],
  ];
  for (const [text, what] of CASES) {
    it(`${JSON.stringify(text)}: ${what ?? 'nothing'}`, () => assert.equal(active(text), what));
  }
  it('over IPv6 by EPRT alone', () => {
    assert.equal(active('EPRT |2|FD00:0001::0010|41001|\r\n', AF_INET6), 'fd00:1::10 41001');
    assert.equal(active('EPRT |1|10.1.0.10|41001|\r\n', AF_INET6), undefined);
    assert.equal(active('PORT 10,1,0,10,120,1\r\n', AF_INET6), undefined);
  });
});

describe('a server answers to PASV', () => {
  const CASES: [string, string | undefined][] = [
    ['227 Entering (10,2,0,11,117,48).\r\n', '10.2.0.11 30000 10,2,0,11,117,48'],
    ['227 =10,2,0,11,117,48.', '10.2.0.11 30000 10,2,0,11,117,48'],
    ['227 ((10,2,0,11,,5)', '10.2.0.11 5 10,2,0,11,,5'],
    ['227 ( 10,2,0,11,117,48)\r\n', undefined],
    ['227 4 ways (10,2,0,11,117,48)\r\n', undefined],
    ['227 (10,2,0,11,117,48', undefined],
    ['227-(10,2,0,11,117,48)\r\n', undefined],
    ['220 x\r\n227 (10,2,0,11,117,48)\r\n', undefined],
    ['229 (|||30000|)\r\n', undefined],
  ];
  for (const [text, what] of CASES) {
    it(`${JSON.stringify(text)}: ${what ?? 'nothing'}`, () => assert.equal(reply(text, 'PASV'), what));
  }
});

describe('a server answers to EPSV', () => {
  const CASES: [string, string | undefined][] = [
    ['229 Extended (|||30000|)\r\n', '- 30000 |||30000|'],
    ['229 (!!!30000!', '- 30000 !!!30000!'],
    ['229 (|1|10.2.0.11|30000|)\r\n', '10.2.0.11 30000 |1|10.2.0.11|30000|'],
    ['229 |||30000|\r\n', undefined],
    ['229 ( |||30000|)\r\n', undefined],
    ['229 (|1||30000|)\r\n', undefined],
    ['229 (||10.2.0.11|30000|)\r\n', undefined],
    ['229 (|2|fd00::1|30000|)\r\n', undefined],
    ['229 (|||0|)\r\n', undefined],
    ['229 (|||30000)\r\n', undefined],
    ['227 (10,2,0,11,117,48)\r\n', undefined],
  ];
  for (const [text, what] of CASES) {
    it(`${JSON.stringify(text)}: ${what ?? 'nothing'}`, () => assert.equal(reply(text, 'EPSV'), what));
  }
  it('over IPv6 with an address of that family', () => {
    assert.equal(
      reply('229 (|2|fd00:2::11|30000|)', 'EPSV', AF_INET6),
      'fd00:2::11 30000 |2|fd00:2::11|30000|',
    );
  });
});

it('what is written is read again', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 0xffff }), (addr, port) => {
      const quad = reply(`227 (${quadText(addr, port)})`, 'PASV');
      assert.equal(quad?.split(' ')[1], String(port));
      assert.equal(reply(`229 (${extendedText(port)})`, 'EPSV')?.split(' ')[1], String(port));
    }),
  );
});

it('no payload makes a reader throw or find anything outside of it', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'PASV\r\n',
      'EPSV',
      'PORT ',
      'EPRT ',
      '227 ',
      '229 ',
      '(',
      '|',
      '|1|',
      '10,2,0,11',
      ',',
      '30000',
      '\r\n',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom(AF_INET, AF_INET6), (pieces, family) => {
      const text = bytes(pieces.join(''));
      const end = text.length;
      findPassive(text, 0, end, family);
      for (const found of [
        readActive(text, 0, end, family),
        readPassiveReply(text, 0, end, family, 'PASV'),
        readPassiveReply(text, 0, end, family, 'EPSV'),
      ]) {
        if (found !== undefined) assert.ok(found.start >= 4 && found.start < found.end && found.end <= end);
      }
    }),
    { numRuns: 2000 },
  );
});
