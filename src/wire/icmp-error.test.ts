import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { filler, hex, unhex } from '../../test/support/bytes.js';
import {
  checkIPv4,
  checkIPv6,
  dst,
  fragOff,
  icmpInfo,
  icmp as icmpOf,
  id,
  length,
  quotes,
  src,
  tos,
  ttl,
} from '../../test/support/checkers.js';
import { packetOf } from '../../test/support/packet-of.js';
import {
  frag4,
  frag6,
  icmp,
  icmpError,
  ip4,
  ip6,
  ping,
  SYN,
  tcp,
  UDP,
  udp,
} from '../../test/support/packets.js';
import { buildIcmpError, type IcmpErrorOptions } from './icmp-error.js';
import { parseInet } from './inet.js';
import { Packet } from './packet.js';

/** The error about `about` that `source` sends; undefined when there is to be none. */
function errorAbout(
  about: Uint8Array,
  type: number,
  code: number,
  info: number,
  source: string,
  options?: IcmpErrorOptions,
) {
  const out = new Packet();
  return buildIcmpError(out, packetOf(about), type, code, info, parseInet(source)!, options)
    ? out.payload()
    : undefined;
}

const timeExceeded = (about: Uint8Array) =>
  about[0]! >> 4 === 4
    ? errorAbout(about, 11, 0, 0, '10.1.0.100')
    : errorAbout(about, 3, 0, 0, 'fd00:1::100');

describe('buildIcmpError', () => {
  it('gives the bytes that Linux gives, for a TTL that ran out', () => {
    const about = unhex('45000028123440000106532d0a01000a0a01006403e90050000003e8000000005002200073520000');
    const error = errorAbout(about, 11, 0, 0, '10.1.0.100', { id: 0x481f });
    assert.equal(hex(error!), `45c00044481f000040011d6b0a0100640a01000a0b00098a00000000${hex(about)}`);
  });

  it('gives the bytes that Linux gives, for a hop limit that ran out, but for the flow label', () => {
    const about = unhex(`6000000000140601fd000001000000000000000000000010fd000001000000000000000000000100
      03e90050000003e800000000500220008cae0000`);
    const linux = unhex(`6004518a00443a40fd000001000000000000000000000100fd0000010000000000000000000000
      1003009b7200000000${hex(about)}`);
    linux.set([0x60, 0, 0, 0]);
    assert.equal(hex(errorAbout(about, 3, 0, 0, 'fd00:1::100')!), hex(linux));
  });

  it('quotes as much as fits into 576 bytes (IPv4)', () => {
    const about = udp('10.1.0.10', 99, '10.1.0.100', 53, { data: filler(1453), tos: 0xff });
    const error = errorAbout(about, 3, 4, 1480, '10.1.0.100', { id: 7, ttl: 63 });
    checkIPv4(error!, [
      src('10.1.0.100'),
      dst('10.1.0.10'),
      length(576),
      tos(0xde),
      id(7),
      fragOff(0),
      ttl(63),
      icmpOf(3, 4, [icmpInfo(1480), quotes(about)]),
    ]);
  });

  it('quotes as much as fits into 1280 bytes (IPv6)', () => {
    const about = udp('fd00:1::10', 99, 'fd00:1::100', 53, { data: filler(1453), tos: 0xff });
    const error = errorAbout(about, 2, 0, 1280, 'fd00:1::1');
    checkIPv6(error!, [
      src('fd00:1::1'),
      dst('fd00:1::10'),
      length(1280),
      tos(0),
      ttl(64),
      icmpOf(2, 0, [icmpInfo(1280), quotes(about)]),
    ]);
  });

  it('answers fragments only if they are the first (IPv4)', () => {
    const [first, second] = frag4(udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(100), df: false }), 64);
    checkIPv4(timeExceeded(first!)!, [icmpOf(11, 0, [quotes(first!)])]);
    assert.equal(timeExceeded(second!), undefined);
  });

  it('answers later fragments over IPv6, as Linux does', () => {
    const [, second] = frag6(udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(100) }), 64);
    checkIPv6(timeExceeded(second!)!, [icmpOf(3, 0, [quotes(second!)])]);
  });

  it('answers queries and replies, but never an error, nor a type that it does not know', () => {
    const answered = (type: number) =>
      timeExceeded(icmp('10.1.0.10', '10.1.0.100', type, 0, 0, filler(8))) !== undefined;
    const types = Array.from({ length: 256 }, (_, type) => type).filter(answered);
    assert.deepEqual(types, [0, 8, 13, 14, 15, 16, 17, 18]);
    const answered6 = (type: number) =>
      timeExceeded(icmp('fd00::1', 'fd00::2', type, 0, 0, filler(8))) !== undefined;
    for (let type = 0; type < 256; type++) assert.equal(answered6(type), type >= 128, `type ${type}`);
  });

  it('finds ICMPv6 behind extension headers', () => {
    const about = udp('fd00:1::10', 1, 'fd00:1::100', 2);
    const error = icmpError('fd00:1::10', 'fd00:1::100', 1, 4, about).subarray(40);
    const options = [58, 0, 1, 4, 0, 0, 0, 0];
    assert.equal(
      timeExceeded(ip6('fd00:1::10', 'fd00:1::100', 60, Uint8Array.from([...options, ...error]))),
      undefined,
    );
  });

  it('says nothing to or about many: broadcast, multicast, no address', () => {
    for (const [from, to] of [
      ['0.0.0.0', '10.1.0.100'],
      ['224.0.0.5', '10.1.0.100'],
      ['255.255.255.255', '10.1.0.100'],
      ['10.1.0.10', '224.0.0.1'],
      ['10.1.0.10', '255.255.255.255'],
      ['::', 'fd00:1::100'],
      ['ff02::1', 'fd00:1::100'],
      ['fd00:1::10', 'ff02::1'],
    ] as const) {
      assert.equal(timeExceeded(tcp(from, 1, to, 2, SYN)), undefined, `${from} > ${to}`);
    }
  });

  it('tells the senders of multicast over IPv6 about the path MTU all the same (RFC 4443 2.4 e.3)', () => {
    assert.ok(errorAbout(udp('fd00:1::10', 1, 'ff02::1', 2), 2, 0, 1280, 'fd00:1::1'));
  });

  it('leaves the packet that it is about, and, when there is to be no error, the buffer for it', () => {
    const about = packetOf(ping('10.1.0.10', '224.0.0.1', 1, 1));
    const before = about.bytes.slice();
    const out = packetOf(filler(100));
    assert.equal(buildIcmpError(out, about, 11, 0, 0, parseInet('10.1.0.100')!), false);
    assert.deepEqual(out.payload(), filler(100));
    assert.deepEqual(about.bytes, before);
  });

  it('gives a sound packet or nothing about any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0x45, 0x60, 0x4f, 0x46),
        (bytes, first) => {
          if (bytes.length > 0) bytes[0] = first;
          const error4 = errorAbout(bytes, 11, 0, 0, '10.1.0.100');
          if (error4) checkIPv4(error4, [icmpOf(11, 0, [quotes(bytes)])]);
          const error6 = errorAbout(bytes, 3, 0, 0, 'fd00:1::100');
          if (error6) checkIPv6(error6, [icmpOf(3, 0, [quotes(bytes)])]);
          assert.ok(!error4 || !error6, 'one family only');
        },
      ),
    );
  });

  it('answers a packet of an unknown protocol', () => {
    const about = ip4('10.1.0.10', '10.1.0.100', 255, filler(16));
    checkIPv4(errorAbout(about, 3, 2, 0, '10.1.0.100')!, [icmpOf(3, 2, [quotes(about)])]);
    checkIPv4(errorAbout(ip4('10.1.0.10', '10.1.0.100', UDP, filler(0)), 3, 2, 0, '10.1.0.100')!);
  });
});
