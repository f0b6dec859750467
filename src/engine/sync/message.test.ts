import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ascii, hex, unhex } from '../../../test/support/bytes.js';
import { AF_INET, AF_INET6, type InetAddr, inetToString, parseInet } from '../../wire/inet.js';
import { CONN_F_SEQ_MASK } from '../flags.js';
import { SyncBuffer } from './buffer.js';
import { encodeEntryV0 } from './entry-v0.js';
import { encodeEntryV1 } from './entry-v1.js';
import { decodeMessage, type SyncEntry } from './message.js';

/** Messages that Linux 6.1 sent, recorded in test/scenarios. */
const GOLDEN = {
  v1: '0007002c0101000000060024000000000001 9c400050005000000000000003840a01000a0a0100640a02000c',
  v1IPv6:
    '000700500101000001060048000000000001 9c40005000500000000000000384fd000001000000000000000000000010 fd000001000000000000000000000100 fd000002000000000000000000000012',
  v1Engine:
    '0007006202010000 00110024000001000000 13c413c413c4000000000000012c0a01000a0a0100640a020010' +
    '00110036000011000000 000013c413c4000000000000003c0a01000a0a0100640a020010 020b73796e632d63616c6c4064 0303736970',
  v0: '0107001c 000613880050 1f90 0a010014 0a010064 0a02000b 0000 0001',
};

function message(version: 0 | 1, entries: readonly SyncEntry[], syncid = 7): Uint8Array {
  const encode = version === 0 ? encodeEntryV0 : encodeEntryV1;
  const buffer = new SyncBuffer(version, syncid, 65_507, encode(entries[0]!), 0);
  for (const entry of entries.slice(1)) assert.ok(buffer.append(encode(entry)));
  return buffer.message();
}

const plain = (e: SyncEntry): unknown => ({
  ...e,
  caddr: inetToString(e.caddr),
  vaddr: inetToString(e.vaddr),
  daddr: inetToString(e.daddr),
  ...(e.inSeq !== undefined && { inSeq: { ...e.inSeq }, outSeq: { ...e.outSeq } }),
  peData: e.peData && hex(e.peData),
  peName: e.peName && hex(e.peName),
});

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const seq = fc.record({ initSeq: u32, delta: u32, previousDelta: u32 });
const address = (family: 2 | 10): fc.Arbitrary<InetAddr> =>
  fc
    .tuple(u32, u32, u32, u32)
    .map(([a, b, c, d]) =>
      family === AF_INET
        ? { family, words: Int32Array.of(a, 0, 0, 0) }
        : { family, words: Int32Array.of(a, b, c, d) },
    );

const entryOf = (family: 2 | 10): fc.Arbitrary<SyncEntry> =>
  fc.record({
    protocol: fc.integer({ min: 0, max: 255 }),
    flags: u32,
    state: u16,
    caddr: address(family),
    vaddr: address(family),
    daddr: address(family),
    cport: u16,
    vport: u16,
    dport: u16,
    fwmark: u32,
    timeout: u32,
  });

const entryV1: fc.Arbitrary<SyncEntry> = fc
  .tuple(
    fc.oneof(entryOf(AF_INET), entryOf(AF_INET6)),
    fc.option(fc.record({ inSeq: seq, outSeq: seq }), { nil: {} }),
    fc.option(fc.record({ peData: fc.uint8Array({ minLength: 1, maxLength: 255 }) }), { nil: {} }),
    fc.option(fc.record({ peName: fc.uint8Array({ minLength: 1, maxLength: 16 }) }), { nil: {} }),
  )
  .map(([e, ...options]) => Object.assign({}, e, ...options) as SyncEntry);

const entryV0: fc.Arbitrary<SyncEntry> = fc.tuple(entryOf(AF_INET), seq, seq).map(([e, inSeq, outSeq]) => ({
  ...e,
  flags: e.flags & 0xffff,
  fwmark: 0,
  timeout: 0,
  ...((e.flags & CONN_F_SEQ_MASK) !== 0 && { inSeq, outSeq }),
}));

describe('a message that is taken apart is what was put together', () => {
  for (const [version, entry] of [
    [0, entryV0],
    [1, entryV1],
  ] as const) {
    it(`version ${version}`, () => {
      fc.assert(
        fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
          const decoded = decodeMessage(message(version, entries), 7);
          assert.equal(decoded?.version, version);
          assert.deepEqual(decoded.entries.map(plain), entries.map(plain));
        }),
      );
    });
  }
});

describe('messages of the kernel', () => {
  it('version 1, IPv4', () => {
    const bytes = unhex(GOLDEN.v1);
    const { entries } = decodeMessage(bytes, 7)!;
    assert.deepEqual(entries.map(plain), [
      {
        protocol: 6,
        flags: 0,
        state: 1,
        caddr: '10.1.0.10',
        vaddr: '10.1.0.100',
        daddr: '10.2.0.12',
        cport: 40_000,
        vport: 80,
        dport: 80,
        fwmark: 0,
        timeout: 900,
        peData: undefined,
        peName: undefined,
      },
    ]);
    assert.equal(hex(message(1, entries)), hex(bytes));
  });

  it('version 1, IPv6', () => {
    const bytes = unhex(GOLDEN.v1IPv6);
    const { entries } = decodeMessage(bytes, 7)!;
    assert.equal(inetToString(entries[0]!.daddr), 'fd00:2::12');
    assert.equal(entries[0]!.timeout, 900);
    assert.equal(hex(message(1, entries)), hex(bytes));
  });

  it('version 1, with what a persistence engine has found', () => {
    const bytes = unhex(GOLDEN.v1Engine);
    const { entries } = decodeMessage(bytes, 7)!;
    assert.equal(entries.length, 2);
    assert.deepEqual(entries[1]!.peData, ascii('sync-call@d'));
    assert.deepEqual(entries[1]!.peName, ascii('sip'));
    assert.equal(hex(message(1, entries)), hex(bytes));
  });

  it('version 0', () => {
    const bytes = unhex(GOLDEN.v0);
    const decoded = decodeMessage(bytes, 7)!;
    assert.equal(decoded.version, 0);
    const [entry] = decoded.entries;
    assert.equal(inetToString(entry!.daddr), '10.2.0.11');
    assert.deepEqual([entry!.cport, entry!.vport, entry!.dport, entry!.state], [5000, 80, 8080, 1]);
    assert.equal(hex(message(0, decoded.entries)), hex(bytes));
  });
});

describe('a datagram that is no message for us', () => {
  const good = unhex(GOLDEN.v1);
  it('has another id, unless ours is 0', () => {
    assert.equal(decodeMessage(good, 8), undefined);
    assert.equal(decodeMessage(good, 0)?.entries.length, 1);
  });
  it('is shorter or longer than it says', () => {
    assert.equal(decodeMessage(good.subarray(0, -1), 0), undefined);
    assert.equal(decodeMessage(Uint8Array.of(...good, 0), 0), undefined);
    assert.equal(decodeMessage(good.subarray(0, 3), 0), undefined);
    assert.equal(decodeMessage(new Uint8Array(0), 0), undefined);
  });
});

it('whatever comes, nothing is read that is not there', () => {
  const start = fc.constantFrom(...Object.values(GOLDEN).map(unhex), new Uint8Array(0));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 120 }), fc.nat(130), (begin, noise, cut) => {
      const bytes = Uint8Array.of(...begin.subarray(0, cut), ...noise);
      if (bytes.length >= 4) new DataView(bytes.buffer).setUint16(2, bytes.length);
      const most = bytes.length / 24;
      assert.ok((decodeMessage(bytes, 0)?.entries.length ?? 0) <= most);
    }),
    { numRuns: 2000 },
  );
});

describe('a message that is being filled', () => {
  const entry = encodeEntryV1({
    protocol: 17,
    flags: 0,
    state: 0,
    caddr: parseInet('192.0.2.1')!,
    vaddr: parseInet('192.0.2.2')!,
    daddr: parseInet('192.0.2.3')!,
    cport: 1,
    vport: 2,
    dport: 3,
    fwmark: 0,
    timeout: 300,
  });
  it('takes what fits', () => {
    const buffer = new SyncBuffer(1, 7, 8 + 2 * entry.length, entry, 0);
    assert.ok(buffer.append(entry));
    assert.ok(!buffer.append(entry));
    assert.equal(buffer.message().length, 80);
  });
  it('takes one entry that is longer than it', () => {
    const buffer = new SyncBuffer(1, 7, 10, entry, 0);
    assert.ok(!buffer.append(entry));
    assert.equal(decodeMessage(buffer.message(), 7)?.entries.length, 1);
  });
  it('takes no more entries than it can count', () => {
    const buffer = new SyncBuffer(1, 7, 65_507, entry, 0);
    let count = 1;
    while (buffer.append(entry)) count++;
    assert.equal(count, 255);
    assert.equal(decodeMessage(buffer.message(), 7)?.entries.length, 255);
  });
});
