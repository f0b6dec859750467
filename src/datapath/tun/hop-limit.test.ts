import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checksum, ipv4SetChecksum } from '../../wire/checksum.js';
import { Packet } from '../../wire/packet.js';
import { raiseHopLimit } from './hop-limit.js';

const p = new Packet(256);

describe('raising the TTL', () => {
  it('adds one and keeps the IPv4 checksum right; 255 stays', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        bytes[0] = 0x45;
        p.load(bytes);
        ipv4SetChecksum(p.view, p.data, 20);
        const ttl = p.view.getUint8(p.data + 8);
        raiseHopLimit(p);
        assert.equal(p.view.getUint8(p.data + 8), Math.min(ttl + 1, 255));
        assert.equal(checksum(p.view, p.data, 20), 0);
      }),
    );
  });

  it('adds one to an IPv6 hop limit; 255 stays', () => {
    for (const [before, after] of [
      [1, 2],
      [254, 255],
      [255, 255],
    ] as const) {
      const bytes = new Uint8Array(40);
      bytes[0] = 0x60;
      bytes[7] = before;
      p.load(bytes);
      raiseHopLimit(p);
      assert.equal(p.view.getUint8(p.data + 7), after);
    }
  });
});
