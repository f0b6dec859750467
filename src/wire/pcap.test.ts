import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concat } from '../../test/support/bytes.js';
import { pack, SYN, tcp, udp } from '../../test/support/packets.js';
import { readPcapNg } from '../../test/support/pcapng.js';
import { CaptureError, pcapNg, readCapture } from './pcap.js';

const four = tcp('10.1.0.10', 4000, '10.1.0.100', 80, SYN);
const six = udp('fd00:1::10', 4000, 'fd00:1::100', 53, { data: new Uint8Array(3) });

/** Fields of 32 bits in either byte order. */
function words(little: boolean, ...values: number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const v = new DataView(out.buffer);
  for (const [i, value] of values.entries()) v.setUint32(4 * i, value, little);
  return out;
}

/** A classic capture file (draft-ietf-opsawg-pcap). */
function pcap(link: number, frames: readonly Uint8Array[], little = true, magic = 0xa1b2c3d4): Uint8Array {
  const header = concat(
    words(little, magic),
    little ? Uint8Array.of(2, 0, 4, 0) : Uint8Array.of(0, 2, 0, 4),
    words(little, 0, 0, 65_535, link),
  );
  return concat(
    header,
    ...frames.flatMap((frame) => [words(little, 1, 2, frame.length, frame.length), frame]),
  );
}

const ethernet = (type: number, packet: Uint8Array, ...tags: number[]): Uint8Array =>
  concat(new Uint8Array(12), ...tags.map((tag) => pack([16, tag], [16, 7])), pack([16, type]), packet);

const read = (file: Uint8Array) =>
  [...readCapture(file)].map(({ number, bytes }) => ({ number, bytes: Uint8Array.from(bytes) }));

describe('capture files', () => {
  for (const [what, little, magic] of [
    ['little endian, microseconds', true, 0xa1b2c3d4],
    ['big endian, microseconds', false, 0xa1b2c3d4],
    ['little endian, nanoseconds', true, 0xa1b23c4d],
  ] as const) {
    test(`pcap, ${what}`, () => {
      const file = pcap(101, [four, six], little, magic);
      assert.deepEqual(read(file), [
        { number: 1, bytes: four },
        { number: 2, bytes: six },
      ]);
    });
  }

  test('frames of all kinds of links are opened; what is no IP is counted and left out', () => {
    const cases: [number, Uint8Array][] = [
      [1, ethernet(0x0800, four)],
      [1, ethernet(0x0800, four, 0x8100)],
      [1, ethernet(0x0800, four, 0x88a8, 0x8100)],
      [0, concat(new Uint8Array(4), four)],
      [113, concat(new Uint8Array(14), pack([16, 0x0800]), four)],
      [276, concat(pack([16, 0x0800]), new Uint8Array(18), four)],
      [228, four],
    ];
    for (const [link, frame] of cases)
      assert.deepEqual(read(pcap(link, [frame])), [{ number: 1, bytes: four }], `link ${link}`);
    const arp = ethernet(0x0806, new Uint8Array(28));
    assert.deepEqual(read(pcap(1, [arp, ethernet(0x86dd, six)])), [{ number: 2, bytes: six }]);
  });

  test('the padding of short frames is no part of the packet', () => {
    assert.deepEqual(read(pcap(1, [ethernet(0x0800, concat(four, new Uint8Array(6)))])), [
      { number: 1, bytes: four },
    ]);
  });

  test('pcap-ng, written here, read here', () => {
    const file = concat(
      pcapNg.header('ipvsd'),
      pcapNg.packet(four, 1e15, 'to 10.2.0.11'),
      pcapNg.packet(six, 0, ''),
    );
    assert.deepEqual(read(file), [
      { number: 1, bytes: four },
      { number: 2, bytes: six },
    ]);
  });

  test('pcap-ng, read by a reader that knows only the specification', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            bytes: fc.uint8Array({ minLength: 20, maxLength: 90 }),
            time: fc.integer({ min: 0, max: 2 ** 53 - 1 }),
            comment: fc.string({ unit: 'grapheme', maxLength: 40 }),
          }),
        ),
        (packets) => {
          const file = concat(
            pcapNg.header('a test'),
            ...packets.map(({ bytes, time, comment }) => pcapNg.packet(bytes, time, comment)),
          );
          const seen = readPcapNg(file);
          assert.equal(seen.application, 'a test');
          assert.deepEqual(
            seen.packets,
            packets.map((p) => ({ ...p, link: 101, length: p.bytes.length })),
          );
        },
      ),
    );
  });

  test('a comment longer than an option holds is cut between characters', () => {
    const { packets } = readPcapNg(concat(pcapNg.header(''), pcapNg.packet(four, 0, 'ä'.repeat(40_000))));
    assert.equal(packets[0]!.comment, 'ä'.repeat(32_767));
  });

  test('what is damaged is refused, whatever it is', () => {
    const whole = [
      pcap(1, [ethernet(0x0800, four)]),
      concat(pcapNg.header('x'), pcapNg.packet(four, 1, 'y')),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.nat(),
        fc.nat(),
        fc.nat({ max: 255 }),
        (file, at, end, value) => {
          const spoilt = file.slice(0, Math.max(1, end % (file.length + 1)));
          spoilt[at % spoilt.length] = value;
          try {
            for (const { bytes } of readCapture(spoilt)) assert.ok(bytes.length <= spoilt.length);
          } catch (error) {
            assert.ok(error instanceof CaptureError, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
