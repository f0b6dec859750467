import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hex } from '../../test/support/bytes.js';
import { makePartial, packetOf } from '../../test/support/packet-of.js';
import { ACK, TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY } from './packet.js';
import { completeChecksum } from './partial-checksum.js';

const hosts = fc.constantFrom<[string, string]>(['10.1.0.10', '10.1.0.100'], ['fd00:1::10', 'fd00:1::100']);
const data = fc.uint8Array({ maxLength: 100 });

describe('completeChecksum', () => {
  it('turns a partial TCP or UDP checksum into the one that the sender would have computed', () => {
    fc.assert(
      fc.property(hosts, data, fc.boolean(), ([src, dst], bytes, isTcp) => {
        const whole = isTcp
          ? tcp(src, 1, dst, 2, ACK, { data: bytes })
          : udp(src, 1, dst, 2, { data: bytes });
        const start = src.includes(':') ? 40 : 20;
        const p = makePartial(packetOf(whole), src, dst, isTcp ? TCP : UDP, start, isTcp ? 16 : 6);
        completeChecksum(p);
        assert.equal(hex(p.payload()), hex(whole));
        assert.equal(p.ipSummed, CHECKSUM_NONE);
      }),
    );
  });

  it('writes 0xffff for 0, which would mean "no checksum"', () => {
    // the destination port is chosen so that the sum comes to 0xffff
    const probe = packetOf(udp('10.1.0.10', 1, '10.1.0.100', 0));
    const port = probe.view.getUint16(probe.data + 26);
    const p = makePartial(
      packetOf(udp('10.1.0.10', 1, '10.1.0.100', port)),
      '10.1.0.10',
      '10.1.0.100',
      UDP,
      20,
      6,
    );
    completeChecksum(p);
    assert.equal(p.view.getUint16(p.data + 26), 0xffff);
  });

  it('leaves other packets alone, wrong checksums too', () => {
    const bytes = tcp('10.1.0.10', 1, '10.1.0.100', 2, ACK, { badChecksum: true });
    for (const summed of [CHECKSUM_NONE, CHECKSUM_UNNECESSARY]) {
      const p = packetOf(bytes);
      p.ipSummed = summed;
      completeChecksum(p);
      assert.equal(hex(p.payload()), hex(bytes));
      assert.equal(p.ipSummed, summed);
    }
  });

  it('writes nothing behind a packet that was cut short', () => {
    const whole = tcp('10.1.0.10', 1, '10.1.0.100', 2, ACK);
    const p = makePartial(packetOf(whole), '10.1.0.10', '10.1.0.100', TCP, 20, 16);
    const before = p.bytes.slice();
    p.len = 37;
    completeChecksum(p);
    assert.deepEqual(p.bytes, before);
  });
});
