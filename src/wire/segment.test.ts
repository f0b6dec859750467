import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, filler, hex, viewOf } from '../../test/support/bytes.js';
import * as check from '../../test/support/checkers.js';
import { makePartial, packetOf } from '../../test/support/packet-of.js';
import {
  ACK,
  CWR,
  csum,
  FIN,
  GRE,
  ip,
  ip6,
  PSH,
  pack,
  pseudo,
  TCP,
  type TcpOptions,
  tcp,
  UDP,
} from '../../test/support/packets.js';
import type { Packet } from './packet.js';
import { segmentTcp } from './segment.js';

const V4 = ['10.1.0.10', '10.1.0.100'] as const;
const V6 = ['fd00:1::10', 'fd00:1::100'] as const;
type Ends = typeof V4 | typeof V6;
const ends = fc.constantFrom<Ends>(V4, V6);
const ipLength = (e: Ends) => (e === V4 ? 20 : 40);

/** A large TCP packet, as the kernel hands it to a device that can segment. */
function large(e: Ends, flags: number, size: number, mss: number, o: TcpOptions = {}): Packet {
  const p = packetOf(tcp(e[0], 40_000, e[1], 80, flags, { ...o, data: filler(size) }));
  makePartial(p, e[0], e[1], TCP, ipLength(e), 16);
  p.gsoSize = mss;
  return p;
}

function segments(p: Packet): Uint8Array[] {
  const out: Uint8Array[] = [];
  segmentTcp(p, (s) => {
    assert.equal(s.gsoSize, 0);
    out.push(s.payload().slice());
  });
  return out;
}

describe('segmentTcp', () => {
  it('cuts what the sender would have sent without the offload', () => {
    fc.assert(
      fc.property(
        ends,
        fc.integer({ min: 1, max: 9000 }),
        fc.integer({ min: 64, max: 1448 }),
        fc.nat(0xffff_ffff),
        (e, size, mss, seq) => {
          const o: TcpOptions = {
            seq,
            ack: 77,
            id: 0xfffe,
            tcpOptions: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2),
          };
          const data = filler(size);
          const expected: string[] = [];
          for (let at = 0, i = 0; at < size; at += mss, i++) {
            const flags = (i === 0 ? CWR : 0) | (at + mss >= size ? PSH | FIN : 0) | ACK;
            const part = { ...o, id: 0xfffe + i, seq: seq + at, data: data.subarray(at, at + mss) };
            expected.push(hex(tcp(e[0], 40_000, e[1], 80, flags, part)));
          }
          assert.deepEqual(segments(large(e, CWR | ACK | PSH | FIN, size, mss, o)).map(hex), expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('completes the checksum of a packet that is not to be cut', () => {
    for (const e of [V4, V6]) {
      const p = large(e, ACK, 1000, 0);
      assert.deepEqual(segments(p).map(hex), [hex(tcp(e[0], 40_000, e[1], 80, ACK, { data: filler(1000) }))]);
    }
    const plain = packetOf(tcp(V4[0], 1, V4[1], 2, ACK, { badChecksum: true }));
    const before = hex(plain.payload());
    assert.deepEqual(segments(plain).map(hex), [before], 'a wrong checksum stays wrong');
  });

  it('gives one segment for a packet without payload', () => {
    assert.equal(segments(large(V4, ACK | FIN, 0, 1448)).length, 1);
  });

  it('finds TCP behind extension headers', () => {
    const segment = tcp(V6[0], 1, V6[1], 2, ACK, { data: filler(3000) }).subarray(40);
    const options = Uint8Array.of(TCP, 0, 1, 4, 0, 0, 0, 0);
    const p = packetOf(ip6(V6[0], V6[1], 60, concat(options, segment)));
    p.gsoSize = 1000;
    const out = segments(p);
    assert.equal(out.length, 3);
    for (const bytes of out) {
      check.checkIPv6(bytes, [check.protocol(60)]);
      const transport = bytes.subarray(48);
      assert.equal(csum(concat(pseudo(V6[0], V6[1], TCP, transport.length), transport)), 0);
    }
  });

  it('emits nothing for what is no whole TCP packet', () => {
    const whole = large(V4, ACK, 3000, 1000).payload().slice();
    const spoilt = (change: (bytes: Uint8Array) => void, len = whole.length) => {
      const bytes = whole.slice(0, len);
      change(bytes);
      const p = packetOf(bytes);
      p.gsoSize = 1000;
      return segments(p).length;
    };
    assert.equal(
      spoilt(() => {}),
      3,
    );
    assert.equal(
      spoilt((b) => b.fill(UDP, 9, 10)),
      0,
      'another protocol',
    );
    assert.equal(
      spoilt((b) => b.fill(0x20, 6, 7)),
      0,
      'a fragment',
    );
    assert.equal(
      spoilt((b) => b.fill(0x40, 32, 33)),
      0,
      'a header of 16 bytes',
    );
    assert.equal(
      spoilt((b) => b.fill(0xf0, 32, 33), 60),
      0,
      'a header that leaves the packet',
    );
    assert.equal(
      spoilt(() => {}, 39),
      0,
      'no whole header',
    );
  });
});

describe('segmentTcp in a tunnel', () => {
  /** Puts `headers` and an outer IP header before a large packet. */
  function tunnel(p: Packet, outer: Ends, protocol: number, headers: Uint8Array): Packet {
    const whole = ip(outer[0], outer[1], protocol, concat(headers, p.payload()), { id: 500 });
    p.push(whole.length - p.len);
    p.bytes.set(whole, p.data);
    return p;
  }
  const gre = (csum: boolean, e: Ends) =>
    concat(pack([16, csum ? 0x8000 : 0], [16, e === V4 ? 0x0800 : 0x86dd]), new Uint8Array(csum ? 4 : 0));
  const gue = (csum: boolean, e: Ends) =>
    concat(
      pack([16, 5555], [16, 6080], [16, 0], [16, csum ? 1 : 0]),
      pack([8, 0], [8, e === V4 ? 4 : 41], [16, 0]),
    );

  for (const outer of [V4, V6]) {
    for (const e of [V4, V6]) {
      const names = `${e === V4 ? 4 : 6}in${outer === V4 ? 4 : 6}`;
      const innerOk = [check.tcp([check.flags(ACK)])];

      it(`does every header: ${names}`, () => {
        const out = segments(tunnel(large(e, ACK, 3000, 1000), outer, e === V4 ? 4 : 41, new Uint8Array(0)));
        assert.equal(out.length, 3);
        out.forEach((bytes, i) => {
          check.checkIP(bytes, [check.inner([...innerOk, check.seq(1000 + i * 1000)])]);
          if (outer === V4)
            check.id(500 + i)({ bytes, view: viewOf(bytes), v6: false, protocol: 0, transport: 20 });
        });
      });

      for (const withSum of [false, true]) {
        it(`does every header: ${names} in GRE, checksum ${withSum}`, () => {
          for (const bytes of segments(tunnel(large(e, ACK, 2500, 1000), outer, GRE, gre(withSum, e)))) {
            check.checkIP(bytes, [check.protocol(GRE), check.inner(innerOk, withSum ? 8 : 4)]);
            if (withSum) assert.equal(csum(bytes.subarray(ipLength(outer))), 0, 'GRE checksum');
          }
        });

        it(`does every header: ${names} in GUE, checksum ${withSum}`, () => {
          const out = segments(tunnel(large(e, ACK, 2500, 1000), outer, UDP, gue(withSum, e)));
          assert.equal(out.length, 3);
          for (const bytes of out) {
            check.checkIP(bytes, [check.udp(), check.inner(innerOk, 12)]);
            assert.equal(viewOf(bytes).getUint16(ipLength(outer) + 6) !== 0, withSum);
          }
        });
      }
    }
  }

  it('gives up on more headers than it knows', () => {
    const p = large(V4, ACK, 3000, 1000);
    for (let i = 0; i < 5; i++) tunnel(p, V4, 4, new Uint8Array(0));
    assert.equal(segments(p).length, 3);
    p.load(concat(...Array.from({ length: 40 }, () => ip(V4[0], V4[1], 4, new Uint8Array(0)))));
    p.gsoSize = 100;
    assert.equal(segments(p).length, 0);
  });
});
