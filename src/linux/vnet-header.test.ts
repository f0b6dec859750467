import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, HEADROOM, Packet } from '../wire/packet.js';
import { readVnetHeader, TUN_VNET_HEADER, writeVnetHeader } from './vnet-header.js';

const AT = HEADROOM - TUN_VNET_HEADER;

function tcpPacket(version: 4 | 6, flags: number): Packet {
  const p = new Packet();
  p.load(new Uint8Array(3000));
  p.bytes[p.data] = version === 4 ? 0x45 : 0x60;
  p.csumStart = version === 4 ? 20 : 40;
  p.csumOffset = 16;
  p.bytes[p.data + p.csumStart + 12] = 0x80; // 32 bytes of TCP header
  p.bytes[p.data + p.csumStart + 13] = flags;
  p.ipSummed = CHECKSUM_PARTIAL;
  p.gsoSize = 1400;
  return p;
}

describe('the virtio-net header', () => {
  it('has the layout of struct virtio_net_hdr', () => {
    const p = tcpPacket(4, 0x10);
    writeVnetHeader(p, AT, 14);
    // flags, type, then (little-endian here) header length, segment size, start and offset of the checksum
    assert.deepEqual([...p.bytes.subarray(AT, AT + 10)], [1, 1, 66, 0, 0x78, 5, 34, 0, 16, 0]);
    p.bytes[p.data] = 0x60;
    writeVnetHeader(p, AT, 0);
    assert.equal(p.bytes[AT + 1], 4);
  });

  it('says ECN when the first segment alone may carry CWR', () => {
    const p = tcpPacket(6, 0x90);
    writeVnetHeader(p, AT, 0);
    assert.equal(p.bytes[AT + 1], 0x84);
  });

  it('brings back what was written', () => {
    for (const version of [4, 6] as const) {
      const p = tcpPacket(version, 0x10);
      const { csumStart, csumOffset, gsoSize, ipSummed } = p;
      writeVnetHeader(p, AT, 0);
      p.reset(HEADROOM, 3000);
      readVnetHeader(p, AT);
      assert.deepEqual(
        [p.csumStart, p.csumOffset, p.gsoSize, p.ipSummed],
        [csumStart, csumOffset, gsoSize, ipSummed],
      );
    }
    for (const summed of [CHECKSUM_NONE, CHECKSUM_UNNECESSARY]) {
      const p = tcpPacket(4, 0x10);
      p.gsoSize = 0;
      p.ipSummed = summed;
      writeVnetHeader(p, AT, 0);
      p.reset(HEADROOM, 3000);
      readVnetHeader(p, AT);
      assert.deepEqual([p.gsoSize, p.ipSummed], [0, summed]);
    }
  });
});
