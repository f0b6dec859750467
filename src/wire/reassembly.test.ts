import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, filler, hex, viewOf } from '../../test/support/bytes.js';
import { checkIP } from '../../test/support/checkers.js';
import { packetOf } from '../../test/support/packet-of.js';
import {
  frag4,
  frag6,
  type IpOptions,
  ip4,
  ip6,
  pack,
  SYN,
  tcp,
  UDP,
  udp,
} from '../../test/support/packets.js';
import { HEADROOM, Packet } from './packet.js';
import { Reassembler } from './reassembly.js';

const LIMITS = { timeoutMs: 30_000, maxBytes: 4 << 20 };
const whole4 = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(1200), df: false, id: 9 });
const whole6 = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(1200) });

/** Feeds packets; gives what came out of each: the whole datagram, or undefined. */
function feed(reassembler: Reassembler, packets: readonly Uint8Array[], now = 0): (Packet | undefined)[] {
  return packets.map((bytes) => {
    const p = packetOf(bytes);
    return reassembler.input(p, now) ? p : undefined;
  });
}

/** The datagrams that come out, as hexadecimal. */
function datagrams(packets: readonly Uint8Array[], limits = LIMITS): string[] {
  return feed(new Reassembler(limits), packets).flatMap((p) => (p ? [hex(p.payload())] : []));
}

/** A piece of {@link whole4}: payload bytes from `at` to `end`. */
const piece4 = (at: number, end: number, o: IpOptions = {}): Uint8Array =>
  ip4('10.1.0.10', '10.1.0.100', UDP, whole4.subarray(20 + at, 20 + end), {
    df: false,
    id: 9,
    off: at,
    mf: end < 1208,
    ...o,
  });

/** A piece of {@link whole6}. */
const piece6 = (at: number, end: number, o: IpOptions & { id?: number } = {}): Uint8Array => {
  const header = pack([8, UDP], [8, 0], [16, at | (end < 1208 ? 1 : 0)], [32, o.id ?? 9]);
  return ip6('fd00:1::10', 'fd00:1::100', 44, concat(header, whole6.subarray(40 + at, 40 + end)), o);
};

for (const [family, whole, piece] of [
  ['IPv4', whole4, piece4],
  ['IPv6', whole6, piece6],
] as const) {
  describe(`reassembly of ${family}`, () => {
    const three = [piece(0, 400), piece(400, 800), piece(800, 1208)];
    const headers = whole === whole4 ? 20 : 48;

    it('gives the datagram when its last byte comes, in whatever order', () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.integer({ min: 1, max: 150 }), { maxLength: 20 }),
          fc.infiniteStream(fc.nat()),
          (cuts, random) => {
            const at = [0, ...cuts.map((n) => n * 8).sort((a, b) => a - b), 1208];
            const pieces = at
              .slice(1)
              .map((end, i) => ({ order: random.next().value, bytes: piece(at[i]!, end) }));
            const shuffled = pieces.sort((a, b) => a.order - b.order).map((p) => p.bytes);
            const out = feed(new Reassembler(LIMITS), shuffled);
            const last = out.pop();
            assert.ok(out.every((p) => p === undefined));
            assert.equal(hex(last!.payload()), hex(whole));
            checkIP(last!.payload());
            if (pieces.length > 1 || whole === whole6) {
              assert.deepEqual(
                [...last!.fragSizes!],
                at.slice(1).map((end, i) => end - at[i]!),
              );
              assert.equal(last!.fragMaxSize, headers + Math.max(...last!.fragSizes!));
            }
          },
        ),
      );
    });

    it('ignores what it has already', () => {
      assert.deepEqual(datagrams([three[0]!, three[0]!, three[1]!, three[2]!]), [hex(whole)]);
      assert.deepEqual(datagrams([three[0]!, three[1]!, piece(0, 800), piece(200, 600), three[2]!]), [
        hex(whole),
      ]);
      assert.deepEqual(datagrams([three[2]!, three[2]!, three[0]!, three[1]!]), [hex(whole)]);
    });

    it('gives up a datagram whose fragments overlap (RFC 5722)', () => {
      assert.deepEqual(datagrams([three[0]!, piece(392, 800), three[1]!, three[2]!]), []);
      assert.deepEqual(datagrams([three[1]!, piece(0, 408), three[0]!, three[2]!]), []);
      assert.deepEqual(
        datagrams([three[1]!, three[0]!, piece(0, 800), three[2]!]),
        [],
        'over two runs, as Linux does',
      );
    });

    it('starts anew with the same identification after that', () => {
      assert.deepEqual(datagrams([three[0]!, piece(392, 800), ...three]), [hex(whole)]);
    });

    it('never gives a datagram whose last fragments disagree about its end', () => {
      assert.deepEqual(
        datagrams([piece(1000, 1208), piece(0, 400), piece(1200, 1208, {}), piece(400, 1000)]).length,
        1,
      );
      const shorter = whole === whole4 ? piece4(800, 1000, { mf: false }) : last6(800, 1000);
      assert.deepEqual(datagrams([three[2]!, shorter]), []);
      assert.deepEqual(datagrams([shorter, three[0]!, three[2]!]), []);
    });

    it('keeps datagrams apart by identification and addresses', () => {
      const other = [piece(0, 400, { id: 10 }), piece(400, 1208, { id: 10 })];
      assert.equal(datagrams([three[0]!, other[0]!, three[1]!, other[1]!, three[2]!]).length, 2);
      const elsewhere = three.map((bytes) => {
        const copy = bytes.slice();
        copy[whole === whole4 ? 15 : 23] = 77;
        return copy;
      });
      assert.deepEqual(datagrams([three[0]!, elsewhere[1]!, three[2]!]), []);
    });

    it('forgets a datagram after its time, and hands out its first fragment', () => {
      const reassembler = new Reassembler(LIMITS);
      const expired: string[] = [];
      feed(reassembler, [three[1]!], 1000);
      feed(reassembler, [three[0]!], 20_000);
      feed(reassembler, [piece(400, 800, { id: 10 })], 20_000);
      reassembler.expire(30_999, (first) => expired.push(hex(first)));
      assert.equal(expired.length, 0);
      reassembler.expire(31_000, (first) => expired.push(hex(first)));
      assert.deepEqual(expired, [hex(three[0]!)]);
      reassembler.expire(50_000, (first) => expired.push(hex(first)));
      assert.equal(expired.length, 1, 'no error about a datagram without its first fragment');
      assert.deepEqual([reassembler.size, reassembler.bytes], [0, 0]);
      assert.deepEqual(feed(reassembler, [three[2]!], 50_000), [undefined]);
    });

    it('keeps no more than it may', () => {
      const maxBytes = 20_000;
      const reassembler = new Reassembler({ timeoutMs: 30_000, maxBytes });
      for (let id = 0; id < 1000; id++) {
        feed(reassembler, [piece(0, 400, { id })]);
        assert.ok(reassembler.bytes <= maxBytes);
      }
      assert.ok(reassembler.size > 5);
      reassembler.expire(30_000);
      assert.equal(reassembler.bytes, 0);
      assert.ok(feed(reassembler, three, 30_000)[2]);
    });

    it('counts tiny fragments for what they cost', () => {
      const reassembler = new Reassembler({ timeoutMs: 30_000, maxBytes: 100_000 });
      for (let at = 0; at < 1200; at += 16) feed(reassembler, [piece(at, at + 8)]);
      assert.ok(reassembler.bytes > 75 * 200);
    });

    it('marks congestion when a fragment met some, and drops contradictions (RFC 3168 5.3)', () => {
      const ecn = (...fields: number[]) => {
        const out = feed(
          new Reassembler(LIMITS),
          fields.map((tos, i) => piece(i * 400, i === 2 ? 1208 : i * 400 + 400, { tos })),
        );
        if (out[2] === undefined) return undefined;
        const b = out[2].payload();
        return whole === whole4 ? b[1] : (viewOf(b).getUint16(0) >> 4) & 255;
      };
      assert.equal(ecn(2, 3, 2), 3);
      assert.equal(ecn(3, 2, 2), 3);
      assert.equal(ecn(1, 1, 1), 1);
      assert.equal(ecn(0, 0, 0), 0);
      assert.equal(ecn(3, 3, 3), 3);
      assert.equal(ecn(2, 0, 2), undefined);
      assert.equal(ecn(0x48, 0x48, 0x48), 0x48);
    });

    it('needs no more room than the packet has: moves it, or drops the datagram', () => {
      const reassembler = new Reassembler(LIMITS);
      const p = new Packet(HEADROOM + 1300);
      for (const bytes of three.slice(0, 2)) {
        p.load(bytes);
        reassembler.input(p, 0);
      }
      p.reset(HEADROOM + 200, three[2]!.length);
      p.bytes.set(three[2]!, p.data);
      assert.equal(reassembler.input(p, 0), true);
      assert.equal(hex(p.payload()), hex(whole));
      const small = new Packet(HEADROOM + 600);
      const results = three.map((bytes) => {
        small.load(bytes);
        return reassembler.input(small, 0);
      });
      assert.deepEqual([results, reassembler.bytes], [[false, false, false], 0]);
    });
  });
}

/** A piece of {@link whole6} that claims to be the last. */
function last6(at: number, end: number): Uint8Array {
  const bytes = piece6(at, end);
  viewOf(bytes).setUint16(42, at);
  return bytes;
}

describe('reassembly', () => {
  it('lets packets pass that are no fragments, with no change', () => {
    for (const bytes of [
      udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(9) }),
      tcp('fd00:1::10', 1, 'fd00:1::100', 2, SYN),
      filler(3),
      new Uint8Array(60).fill(0x75),
    ]) {
      const reassembler = new Reassembler(LIMITS);
      const p = packetOf(bytes);
      assert.equal(reassembler.input(p, 0), true);
      assert.deepEqual([hex(p.payload()), p.fragMaxSize, reassembler.size], [hex(bytes), 0, 0]);
    }
  });

  it('keeps DF if the largest fragment had it, as Linux does', () => {
    const df = (...flags: boolean[]) => {
      const pieces = [
        piece4(0, 400, { df: flags[0]! }),
        piece4(400, 1000, { df: flags[1]! }),
        piece4(1000, 1208, { df: flags[2]! }),
      ];
      return (viewOf(feed(new Reassembler(LIMITS), pieces)[2]!.payload()).getUint16(6) & 0x4000) !== 0;
    };
    assert.deepEqual(
      [df(true, true, true), df(false, true, false), df(true, false, true)],
      [true, true, false],
    );
  });

  it("takes the first fragment's IPv4 options for the datagram", () => {
    const options = Uint8Array.of(0x94, 4, 0, 0);
    const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(100), df: false, options });
    const [first, second] = frag4(whole, 64);
    assert.deepEqual(datagrams([second!, first!]), [hex(whole)]);
  });

  it('gives up a datagram with an empty fragment, or one that is longer than 65535 bytes (IPv4)', () => {
    assert.deepEqual(datagrams([piece4(0, 400), piece4(400, 400), piece4(400, 1208)]), []);
    const long = Array.from({ length: 48 }, (_, i) =>
      ip4('10.1.0.10', '10.1.0.100', UDP, filler(1400), { off: i * 1400, df: false, mf: i < 47 }),
    );
    assert.deepEqual(datagrams(long.filter((_, i) => i * 1400 < 0xfff8)), []);
  });

  it('cuts an IPv4 fragment that is not the last to a multiple of 8 bytes', () => {
    assert.deepEqual(datagrams([piece4(0, 404), piece4(400, 1208)]), [hex(whole4)]);
  });

  it('believes nothing of an IPv6 datagram with a fragment of odd length that is not the last', () => {
    const three = [piece6(0, 400), piece6(400, 800), piece6(800, 1208)];
    assert.deepEqual(datagrams([three[0]!, piece6(400, 797), three[1]!, three[2]!]), []);
    assert.deepEqual(datagrams([piece6(400, 797), ...three]), [hex(whole6)]);
  });

  it('takes the fragment header out of a packet that is its own only fragment (RFC 6946)', () => {
    const whole = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(100) });
    const reassembler = new Reassembler(LIMITS);
    const [p] = feed(reassembler, frag6(whole, 400));
    assert.equal(hex(p!.payload()), hex(whole));
    assert.deepEqual([p!.fragMaxSize, reassembler.size], [156, 0]);
  });

  it('counts such a packet among the fragments of the same identification, as Linux does', () => {
    const whole = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(100) });
    const reassembler = new Reassembler(LIMITS);
    feed(reassembler, [piece6(0, 400, { id: 0xabcd_0123 })]);
    assert.deepEqual(feed(reassembler, frag6(whole, 400)), [undefined]);
  });

  it('finds the fragment header behind others, and keeps those', () => {
    const hop = Uint8Array.of(44, 0, 1, 4, 0, 0, 0, 0);
    const body = filler(64);
    const fragment = (at: number, more: number) =>
      concat(hop, pack([8, UDP], [8, 0], [16, at | more], [32, 1]), body.subarray(at, at + 32));
    const parts = [
      ip6('fd00::1', 'fd00::2', 0, fragment(0, 1)),
      ip6('fd00::1', 'fd00::2', 0, fragment(32, 0)),
    ];
    hop[0] = UDP;
    assert.deepEqual(datagrams(parts), [hex(ip6('fd00::1', 'fd00::2', 0, concat(hop, body)))]);
  });

  it('drops fragments with headers that cannot be true', () => {
    for (const bad of [
      piece4(0, 400, { length: 421 }),
      piece4(0, 400, { length: 19 }),
      piece4(0, 400, { ihl: 4 }),
      piece6(0, 400, { length: 409 }),
      piece6(0, 400, { length: 7 }),
      piece6(0, 404),
    ]) {
      const reassembler = new Reassembler(LIMITS);
      assert.deepEqual([feed(reassembler, [bad])[0], reassembler.bytes], [undefined, 0]);
    }
  });

  it('gives only sound packets, and keeps its account, for any fragments', () => {
    const fragment = fc.record({
      at: fc.nat(12),
      n: fc.nat(60),
      more: fc.boolean(),
      v6: fc.boolean(),
      cut: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
        const reassembler = new Reassembler({ timeoutMs: 10, maxBytes: 8000 });
        let now = 0;
        for (const f of fragments) {
          const size = f.more ? f.n & ~7 : f.n;
          const header = pack([8, UDP], [8, 0], [16, (f.at * 8) | (f.more ? 1 : 0)], [32, 1]);
          const bytes = f.v6
            ? ip6('fd00::1', 'fd00::2', 44, concat(header, filler(size)))
            : ip4('10.1.0.10', '10.1.0.100', UDP, filler(size), { off: f.at * 8, mf: f.more, df: false });
          const p = packetOf(bytes.subarray(0, bytes.length - f.cut));
          if (reassembler.input(p, now) && p.fragMaxSize > 0) checkIP(p.payload());
          assert.ok(reassembler.bytes >= 0 && reassembler.bytes <= 8000);
          if (reassembler.size === 0) assert.equal(reassembler.bytes, 0);
          reassembler.expire(++now);
        }
        reassembler.expire(now + 10);
        assert.equal(reassembler.bytes, 0);
      }),
    );
  });
});
