import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answers, type Ends, requests } from '../../bench/burst/frames.js';
import { hex } from '../support/bytes.js';
import { udp } from '../support/packets.js';

const FLOWS = 16_386;
const NUMBERS = [0, 1, 5000, 16_383, 16_384, 16_385];
const DATA = new Uint8Array(18);

for (const [family, client, server, length] of [
  ['IPv4', (n: number) => `10.16.0.${1 + n}`, '10.2.0.2', 60],
  ['IPv6', (n: number) => `fd00:16::${1 + n}`, 'fd00:2::2', 80],
] as const) {
  const ends: Ends = {
    from: Uint8Array.of(2, 0, 0, 0, 0, 1),
    to: Uint8Array.of(2, 0, 0, 0, 0, 2),
    client,
    server,
    port: 80,
  };
  describe(`frames of a generator, ${family}`, () => {
    test('are the smallest, each of a flow of its own, with right checksums', () => {
      const frames = requests(ends, FLOWS);
      assert.equal(new Set(frames.map(hex)).size, FLOWS);
      for (const n of NUMBERS) {
        const [address, port] = [client(n >> 14), 20_000 + (n & 16_383)];
        assert.equal(frames[n]!.length, length);
        assert.equal(hex(frames[n]!.subarray(14)), hex(udp(address, port, server, 80, { data: DATA })));
      }
    });

    test('have answers', () => {
      const frames = answers(ends, FLOWS);
      for (const n of NUMBERS) {
        const [address, port] = [client(n >> 14), 20_000 + (n & 16_383)];
        assert.equal(hex(frames[n]!.subarray(14)), hex(udp(server, 80, address, port, { data: DATA })));
      }
    });
  });
}
