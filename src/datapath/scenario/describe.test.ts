import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { describePacket } from './describe.js';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

describe('describePacket', () => {
  it('tells of a SYN', () => {
    assert.equal(
      describePacket(hex('45000028123440004006142d0a01000a0a0100649c400050000003e80000000050022000dafa0000')),
      '10.1.0.10.40000 > 10.1.0.100.80 tcp ttl=64 [S] seq=1000 ack=0 len=0',
    );
  });

  it('tells of the packet inside an error', () => {
    const inner = '4500001f123440004011142b0a01000a0a01006403e80051000b0000616263';
    assert.equal(
      describePacket(hex(`45c0003b1c0900004001498a0a0100640a01000a0303345600000000${inner}`)),
      '10.1.0.100 > 10.1.0.10 icmp ttl=64 3/3 00000000 {10.1.0.10.1000 > 10.1.0.100.81 udp ttl=64 len=11 csum=0000}',
    );
  });

  it('says something about any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0x45, 0x60, 0x4f), (bytes, first) => {
        if (bytes.length > 0) bytes[0] = first;
        assert.ok(describePacket(bytes).length > 0);
      }),
    );
  });
});
