import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, filler, hex, viewOf } from '../../test/support/bytes.js';
import { checkIPv4, checkIPv6 } from '../../test/support/checkers.js';
import { makePartial, packetOf } from '../../test/support/packet-of.js';
import { frag4, frag6, ip4, ip6, UDP, udp } from '../../test/support/packets.js';
import { fragment4, fragment6 } from './fragment.js';
import type { Packet } from './packet.js';
import { Reassembler } from './reassembly.js';

const DF = 0x4000;
const MF = 0x2000;

function cut4(p: Packet, mtu: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  fragment4(p, mtu, (bytes) => out.push(bytes.slice()));
  return out;
}

function cut6(p: Packet, mtu: number, id = 1): Uint8Array[] {
  const out: Uint8Array[] = [];
  fragment6(p, mtu, id, (bytes) => out.push(bytes.slice()));
  return out;
}

/** What a receiver makes of fragments; undefined when it waits for more. */
function join(fragments: readonly Uint8Array[]): Packet | undefined {
  const reassembler = new Reassembler({ timeoutMs: 30_000, maxBytes: 1 << 20 });
  for (const bytes of fragments) {
    const p = packetOf(bytes);
    if (reassembler.input(p, 0)) return p;
  }
  return undefined;
}

/** Offset in bytes, and MF and DF, of an IPv4 fragment. */
const word4 = (bytes: Uint8Array) => viewOf(bytes).getUint16(6);
const sizes = (fragments: readonly Uint8Array[]) => fragments.map((f) => f.length);

/** IPv4 fragments of a UDP packet, cut at the given payload offsets, with DF on some. */
function uneven4(packet: Uint8Array, cuts: readonly number[], df: readonly boolean[] = []): Uint8Array[] {
  const body = packet.subarray(20);
  return cuts.map((at, i) => {
    const end = cuts[i + 1] ?? body.length;
    return ip4('10.1.0.10', '10.1.0.100', UDP, body.subarray(at, end), {
      off: at,
      mf: end < body.length,
      df: df[i] ?? false,
    });
  });
}

describe('fragment4', () => {
  it('cuts what a receiver can put together again, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 28, max: 1500 }), (bytes, mtu) => {
        const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(bytes), df: false });
        const fragments = cut4(packetOf(whole), mtu);
        for (const fragment of fragments) {
          assert.ok(fragment.length <= mtu);
          checkIPv4(fragment);
        }
        if (fragments.length === 1) assert.equal(hex(fragments[0]!), hex(whole));
        else assert.equal(hex(join(fragments)!.payload()), hex(whole));
      }),
    );
  });

  it('cuts just as a sender would', () => {
    const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(3000), df: false });
    assert.deepEqual(cut4(packetOf(whole), 1500).map(hex), frag4(whole, 1480).map(hex));
  });

  it('drops DF', () => {
    const fragments = cut4(
      packetOf(udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(3000), df: true })),
      1500,
    );
    assert.deepEqual(fragments.map(word4), [MF, MF | 185, 370]);
  });

  it('completes the checksum before it cuts', () => {
    const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(3000), df: false });
    const p = makePartial(packetOf(whole), '10.1.0.10', '10.1.0.100', UDP, 20, 6);
    assert.equal(hex(join(cut4(p, 1500))!.payload()), hex(whole));
  });

  it('keeps offset and MF of a packet that is a fragment itself', () => {
    const part = ip4('10.1.0.10', '10.1.0.100', UDP, filler(1000), { off: 800, mf: true, df: false });
    assert.deepEqual(cut4(packetOf(part), 540).map(word4), [MF | 100, MF | 165]);
    const last = ip4('10.1.0.10', '10.1.0.100', UDP, filler(1000), { off: 800, mf: false, df: false });
    assert.deepEqual(cut4(packetOf(last), 540).map(word4), [MF | 100, 165]);
  });

  it('repeats in every fragment the options that have the copy bit, and those only (RFC 791 3.1)', () => {
    const recordRoute = [7, 7, 4, 0, 0, 0, 0];
    const routerAlert = [0x94, 4, 0, 0];
    const options = Uint8Array.from([...recordRoute, ...routerAlert, 1]);
    const whole = ip4('10.1.0.10', '10.1.0.100', UDP, filler(100), { options, df: false });
    const [first, ...others] = cut4(packetOf(whole), 32 + 40);
    assert.equal(hex(first!.subarray(20, 32)), '070704000000009404000001');
    assert.deepEqual(
      others.map((f) => hex(f.subarray(20, 32))),
      ['010101010101019404000001', '010101010101019404000001'],
    );
    for (const fragment of others) checkIPv4(fragment);
  });

  it('survives options that make no sense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (options) => {
        const fragments = cut4(packetOf(ip4('10.1.0.10', '10.1.0.100', UDP, filler(64), { options })), 100);
        for (const fragment of fragments) checkIPv4(fragment);
        assert.ok(fragments.length >= 1);
      }),
    );
  });

  it('emits nothing when not even 8 bytes fit', () => {
    const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(100) });
    assert.deepEqual(cut4(packetOf(whole), 27), []);
    assert.equal(cut4(packetOf(whole), 28).length, 14);
  });

  describe('of a packet that was reassembled', () => {
    const whole = udp('10.1.0.10', 1, '10.1.0.100', 2, { data: filler(1200), df: false });

    it('cuts it where it was cut', () => {
      assert.deepEqual(sizes(cut4(join(uneven4(whole, [0, 400, 1000]))!, 1500)), [420, 620, 228]);
    });

    it('lets the first fragment grow with a header that was put in front', () => {
      const p = join(uneven4(whole, [0, 400, 1000]))!;
      p.push(32);
      p.view.setUint16(p.data, 0x4500);
      p.view.setUint16(p.data + 6, 0);
      assert.deepEqual(sizes(cut4(p, 1500)), [452, 620, 228]);
    });

    it('cuts it anew, no larger than it came, when the first fragment is now no multiple of 8', () => {
      const p = join(uneven4(whole, [0, 400, 1000]))!;
      p.push(20);
      p.view.setUint16(p.data, 0x4500);
      p.view.setUint16(p.data + 6, 0);
      assert.deepEqual(sizes(cut4(p, 1500)), [620, 620, 48]);
    });

    it('cuts it anew when the MTU has become smaller', () => {
      assert.deepEqual(sizes(cut4(join(uneven4(whole, [0, 400, 1000]))!, 576)), [572, 572, 124]);
    });

    it('sets DF when the largest fragment had it, but only in fragments cut anew, as Linux does', () => {
      const all = [true, true, true];
      assert.deepEqual(
        cut4(join(uneven4(whole, [0, 400, 1000], all))!, 1500).map((f) => word4(f) & DF),
        [0, 0, 0],
      );
      assert.deepEqual(
        cut4(join(uneven4(whole, [0, 400, 1000], all))!, 576).map((f) => word4(f) & DF),
        [DF, DF, DF],
      );
      const first = [true, false, false];
      assert.deepEqual(
        cut4(join(uneven4(whole, [0, 400, 1000], first))!, 576).map((f) => word4(f) & DF),
        [0, 0, 0],
      );
    });
  });
});

describe('fragment6', () => {
  it('cuts what a receiver can put together again, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 56, max: 1500 }),
        fc.nat(0xffff_ffff),
        (n, mtu, id) => {
          const whole = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(n), tos: 0x12, flow: 0xabcde });
          const fragments = cut6(packetOf(whole), mtu, id);
          for (const fragment of fragments) {
            assert.ok(fragment.length <= mtu);
            checkIPv6(fragment);
            assert.equal(viewOf(fragment).getUint32(44), id);
          }
          assert.equal(hex(join(fragments)!.payload()), hex(whole));
        },
      ),
    );
  });

  it('cuts just as a sender would', () => {
    const whole = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(3000) });
    assert.deepEqual(
      cut6(packetOf(whole), 1500, 0x1234_5678).map(hex),
      frag6(whole, 1448, 0x1234_5678).map(hex),
    );
  });

  it('puts the fragment header behind the headers that routers read, before the others', () => {
    const header = (next: number) => [next, 0, 1, 4, 0, 0, 0, 0];
    const cases: [chain: number[], before: number][] = [
      [[0, 60, 43, 60], 24],
      [[0, 60], 16],
      [[43, 60], 8],
      [[51], 0],
    ];
    for (const [chain, before] of cases) {
      const headers = chain.flatMap((_, i) => header(chain[i + 1] ?? UDP));
      const whole = ip6(
        'fd00:1::10',
        'fd00:1::100',
        chain[0]!,
        concat(Uint8Array.from(headers), filler(200)),
      );
      const fragments = cut6(packetOf(whole), 160);
      // as in the packet, but for the next-header byte that announces the fragment header
      const repeated = whole.slice(0, 40 + before);
      repeated[before === 0 ? 6 : 40 + before - 8] = 44;
      for (const fragment of fragments) {
        assert.equal(hex(fragment.subarray(6, 40 + before)), hex(repeated.subarray(6)));
        assert.equal(fragment[40 + before], before === 0 ? chain[0] : (chain[before / 8] ?? UDP));
      }
      assert.equal(hex(join(fragments)!.payload()), hex(whole), `chain ${chain}`);
    }
  });

  it('cuts a reassembled packet where it was cut, or anew in 1280 bytes at least', () => {
    const whole = udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(3000) });
    const fragments = frag6(whole, 1200);
    assert.deepEqual(sizes(cut6(join(fragments)!, 1500)), sizes(fragments));
    const tunnelled = join(fragments)!;
    tunnelled.push(40);
    tunnelled.bytes.set(ip6('fd00:2::1', 'fd00:2::11', 41, filler(0)), tunnelled.data);
    assert.deepEqual(sizes(cut6(tunnelled, 1500)), [1280, 1280, 632]);
  });

  it('emits nothing for a chain of headers that leaves the packet, or an MTU without room', () => {
    assert.deepEqual(
      cut6(packetOf(ip6('fd00:1::10', 'fd00:1::100', 0, Uint8Array.from([17, 9, 0, 0, 0, 0, 0, 0]))), 1280),
      [],
    );
    assert.deepEqual(cut6(packetOf(udp('fd00:1::10', 1, 'fd00:1::100', 2, { data: filler(100) })), 55), []);
  });
});
