import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ascii, filler, viewOf } from '../../test/support/bytes.js';
import { crc32c as bitByBit, sctp } from '../../test/support/packets.js';
import { CRC32C_INIT, crc32c, crc32cUpdate, crc32cZero4 } from './crc32c.js';
import { sctpChecksum, sctpComputeChecksum, sctpSetChecksum } from './sctp.js';

describe('crc32c', () => {
  it('has the check values of RFC 3720 B.4', () => {
    assert.equal(crc32c(viewOf(ascii('123456789')), 0, 9), 0xe306_9283);
    assert.equal(crc32c(new DataView(new ArrayBuffer(32)), 0, 32), 0x8a91_36aa);
    assert.equal(crc32c(viewOf(new Uint8Array(32).fill(255)), 0, 32), 0x62a8_ab43);
    assert.equal(crc32c(viewOf(filler(32)), 0, 32), 0x46dd_794e);
  });

  it('is the same eight bytes at a time as bit by bit, at any offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(9), (bytes, offset) => {
        const buffer = new Uint8Array(offset + bytes.length);
        buffer.set(bytes, offset);
        assert.equal(crc32c(viewOf(buffer), offset, bytes.length), bitByBit(bytes));
      }),
    );
  });

  it('may be computed in pieces, and over zeros that are not there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (head, tail) => {
        const crc = crc32cZero4(crc32cUpdate(CRC32C_INIT, viewOf(head), 0, head.length));
        const whole = ~crc32cUpdate(crc, viewOf(tail), 0, tail.length) >>> 0;
        assert.equal(whole, bitByBit(Uint8Array.from([...head, 0, 0, 0, 0, ...tail])));
      }),
    );
  });
});

describe('the SCTP checksum', () => {
  it('is computed as if its own field were 0, and stored least significant byte first', () => {
    const packet = sctp('10.1.0.10', 1, '10.1.0.100', 2, ['init', 'data']);
    const v = viewOf(packet);
    assert.equal(sctpComputeChecksum(v, 20, packet.length - 20), sctpChecksum(v, 20));
    const whole = packet.slice();
    packet.fill(0xee, 28, 32);
    sctpSetChecksum(v, 20, packet.length - 20);
    assert.deepEqual(packet, whole);
  });
});
