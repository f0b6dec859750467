import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checksum, checksumFold, ipv4SetChecksum, pseudoSum4 } from '../../wire/checksum.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, Packet } from '../../wire/packet.js';
import { acceptInner, pullGre, pullGue, pullIpv4 } from './inner.js';

/** An IPv4 TCP packet of 40 bytes and `payload` more, with congestion bits `ecn`. */
function inner4(ecn = 0, payload = 4): Uint8Array {
  const bytes = new Uint8Array(40 + payload);
  bytes.set([0x45, ecn, 0, bytes.length, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 10, 0, 0, 100]);
  const view = new DataView(bytes.buffer);
  view.setUint8(32, 0x50);
  ipv4SetChecksum(view, 0, 20);
  view.setUint16(36, checksum(view, 20, 20 + payload, pseudoSum4(view, 0, 6, 20 + payload)));
  return bytes;
}

const inner6 = (trafficClass = 0): Uint8Array => {
  const bytes = new Uint8Array(48);
  bytes.set([0x60 | (trafficClass >> 4), (trafficClass << 4) & 0xff, 0, 0, 0, 8, 17, 64]);
  return bytes;
};

function packet(...parts: (Uint8Array | number[])[]): Packet {
  const p = new Packet();
  p.load(Uint8Array.from(parts.flatMap((part) => [...part])));
  return p;
}

const outer4 = (ecn: number): number[] => [0x46, ecn, ...new Array<number>(22).fill(0)];

describe('taking a packet out of a tunnel', () => {
  it('removes the outer IPv4 header, options too, and tells its congestion mark', () => {
    const p = packet(outer4(3), inner4());
    assert.equal(pullIpv4(p), 3);
    assert.deepEqual(p.payload(), inner4());
    assert.equal(pullIpv4(packet([0x60])), -1);
    assert.equal(pullIpv4(packet([0x4f, ...new Array<number>(19).fill(0)])), -1);
  });

  it('removes GRE headers with and without a checksum, and refuses others', () => {
    for (const header of [
      [0, 0, 8, 0],
      [0x80, 0, 0x86, 0xdd, 1, 2, 0, 0],
    ]) {
      const p = packet(header, inner4());
      assert.ok(pullGre(p));
      assert.deepEqual(p.payload(), inner4());
    }
    assert.ok(!pullGre(packet([0x20, 0, 8, 0], inner4())), 'key');
    assert.ok(!pullGre(packet([0, 0, 0x65, 0x58], inner4())), 'Ethernet');
    assert.ok(!pullGre(packet([0x80, 0, 8, 0])), 'cut');
  });

  it('removes GUE headers; remote checksum offload becomes a partial checksum', () => {
    const p = packet([0, 4, 0, 0], inner4());
    assert.ok(pullGue(p));
    assert.deepEqual([p.len, p.ipSummed], [44, CHECKSUM_NONE]);
    const remote = packet([2, 4, 0, 1, 0x80, 0, 0, 0, 0, 20, 0, 36], inner4());
    assert.ok(pullGue(remote));
    assert.deepEqual(
      [remote.len, remote.ipSummed, remote.csumStart, remote.csumOffset],
      [44, CHECKSUM_PARTIAL, 20, 16],
    );
    for (const [what, header] of Object.entries({
      version: [0x40, 4, 0, 0],
      control: [0x20, 4, 0, 0],
      'not IP': [0, 6, 0, 0],
      'unknown flag': [0, 4, 0x80, 0],
      'options that leave the packet': [31, 4, 0, 0],
      'checksum beyond the end': [2, 4, 0, 1, 0x80, 0, 0, 0, 0, 20, 1, 0],
    })) {
      assert.ok(!pullGue(packet(header, inner4())), what);
    }
  });

  it('cuts what lies behind the inner packet', () => {
    const p = packet(inner4(), [1, 2, 3]);
    assert.ok(acceptInner(p, 0));
    assert.equal(p.len, 44);
    const six = packet(inner6(), [1, 2, 3]);
    assert.ok(acceptInner(six, 0));
    assert.equal(six.len, 48);
  });

  it('takes congestion over, and drops a packet that cannot say so (RFC 6040)', () => {
    const p = packet(inner4(2));
    assert.ok(acceptInner(p, 3));
    assert.equal(p.view.getUint8(p.data + 1), 3);
    assert.equal(checksum(p.view, p.data, 20), 0);
    const six = packet(inner6(1));
    assert.ok(acceptInner(six, 3));
    assert.equal((six.view.getUint16(six.data) >>> 4) & 255, 3);
    assert.ok(!acceptInner(packet(inner4(0)), 3));
    assert.ok(!acceptInner(packet(inner6(0)), 3));
    assert.ok(acceptInner(packet(inner4(0)), 2));
  });

  it('knows segments that the kernel has joined by the sum in place of their checksum', () => {
    const whole = packet(inner4());
    assert.ok(acceptInner(whole, 0));
    assert.equal(whole.ipSummed, CHECKSUM_NONE);
    const joined = packet(inner4(0, 100));
    const v = joined.view;
    v.setUint16(joined.data + 36, checksumFold(pseudoSum4(v, joined.data, 6, 120)));
    assert.ok(acceptInner(joined, 0));
    assert.deepEqual([joined.ipSummed, joined.csumStart, joined.csumOffset], [CHECKSUM_PARTIAL, 20, 16]);
    // a datagram that has never been on a wire
    const local = packet(inner4(0, 100));
    local.view.setUint8(local.data + 9, 17);
    local.view.setUint16(local.data + 26, checksumFold(pseudoSum4(local.view, local.data, 17, 120)));
    assert.ok(acceptInner(local, 0));
    assert.deepEqual([local.ipSummed, local.csumStart, local.csumOffset], [CHECKSUM_PARTIAL, 20, 6]);
  });

  it('never fails on any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(0x45, 0x60, undefined),
        (bytes, first) => {
          if (first !== undefined && bytes.length > 0) bytes[0] = first;
          for (const pull of [pullIpv4, pullGre, pullGue]) {
            const p = packet(bytes);
            pull(p);
            acceptInner(p, 3);
            assert.ok(p.len >= 0 && p.len <= bytes.length);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
