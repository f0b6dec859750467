import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checksum, checksumFold, ipv4SetChecksum, pseudoSum4 } from '../../wire/checksum.js';
import { CHECKSUM_PARTIAL, Packet } from '../../wire/packet.js';
import { finishTunnelled, innerOffset } from './tunnel-offload.js';

const TCP_PAYLOAD = 2500;

/** IPv4 TCP with an unfinished checksum and 20 bytes of TCP header. */
function plain(gsoSize: number): Packet {
  const length = 40 + TCP_PAYLOAD;
  const bytes = new Uint8Array(length).map((_, i) => i * 7);
  bytes.set([0x45, 0, length >> 8, length & 255, 0, 1, 0x40, 0, 63, 6, 0, 0, 192, 0, 2, 1, 10, 0, 0, 100]);
  bytes.set([0x13, 0x88, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0], 20);
  const p = new Packet();
  p.load(bytes);
  ipv4SetChecksum(p.view, p.data, 20);
  p.view.setUint16(p.data + 36, checksumFold(pseudoSum4(p.view, p.data, 6, length - 20)));
  p.ipSummed = CHECKSUM_PARTIAL;
  p.csumStart = 20;
  p.csumOffset = 16;
  p.gsoSize = gsoSize;
  return p;
}

/** Puts `header` and an outer IPv4 header in front; a UDP checksum of 1 stands for "to be there". */
function encapsulated(protocol: number, header: number[], gsoSize: number): Packet {
  const p = plain(gsoSize);
  const inner = p.len;
  p.push(20 + header.length);
  p.bytes.set(
    [0x45, 0, p.len >> 8, p.len & 255, 0, 9, 0x40, 0, 63, protocol, 0, 0, 10, 0, 1, 1, 10, 0, 1, 11],
    p.data,
  );
  p.bytes.set(header, p.data + 20);
  ipv4SetChecksum(p.view, p.data, 20);
  assert.equal(p.len, inner + 20 + header.length);
  return p;
}

const GUE = (flag: number, options: number[] = []): number[] => [
  0x80,
  0,
  0x17,
  0xc0,
  0,
  0,
  0,
  1,
  options.length / 4,
  4,
  0,
  flag,
  ...options,
];
const TUNNELS: Record<string, { protocol: number; header: number[] }> = {
  ipip: { protocol: 4, header: [] },
  'gre with checksum': { protocol: 47, header: [0x80, 0, 8, 0, 0, 0, 0, 0] },
  'gue with checksum': { protocol: 17, header: GUE(0) },
  'gue with remote checksum': { protocol: 17, header: GUE(1, [0x80, 0, 0, 0, 0, 20, 0, 36]) },
};

describe('offloads inside a tunnel', () => {
  it('are not seen where there is no tunnel, or nothing unfinished', () => {
    assert.equal(innerOffset(plain(0)), 0);
    const p = encapsulated(4, [], 0);
    p.ipSummed = 0;
    assert.equal(innerOffset(p), 0);
  });

  for (const [name, { protocol, header }] of Object.entries(TUNNELS)) {
    const offset = 20 + header.length;
    const remote = name.includes('remote');

    it(`are found behind ${name}`, () =>
      assert.equal(innerOffset(encapsulated(protocol, header, 0)), offset));

    it(`are done before ${name} leaves: segments with lengths and checksums that are right`, () => {
      for (const gsoSize of [0, 1000]) {
        let bytes = 0;
        const sizes: number[] = [];
        finishTunnelled(encapsulated(protocol, header, gsoSize), (p) => {
          const v = p.view;
          sizes.push(p.len);
          assert.equal(v.getUint16(p.data + 2), p.len);
          assert.equal(checksum(v, p.data, 20), 0, 'outer header');
          assert.equal(checksum(v, p.data + offset, 20), 0, 'inner header');
          const tcp = p.data + offset + 20;
          const length = p.len - offset - 20;
          const pseudo = pseudoSum4(v, p.data + offset, 6, length);
          // the far end of remote checksum offload finds the pseudo header's sum
          if (remote) assert.equal(v.getUint16(tcp + 16), checksumFold(pseudo));
          else assert.equal(checksum(v, tcp, length, pseudo), 0, 'TCP');
          if (protocol === 47) assert.equal(checksum(v, p.data + 20, p.len - 20), 0, 'GRE');
          if (protocol === 17 && gsoSize + Number(!remote) > 0) {
            assert.equal(
              checksum(v, p.data + 20, p.len - 20, pseudoSum4(v, p.data, 17, p.len - 20)),
              0,
              'UDP',
            );
          }
          assert.notEqual(p.ipSummed, CHECKSUM_PARTIAL);
          assert.deepEqual(
            p.bytes.subarray(tcp + 20, tcp + length),
            plain(0)
              .payload()
              .subarray(40 + bytes, 20 + bytes + length),
          );
          bytes += length - 20;
        });
        assert.equal(bytes, TCP_PAYLOAD);
        assert.deepEqual(
          sizes.map((n) => n - offset - 40),
          gsoSize === 0 ? [2500] : [1000, 1000, 500],
        );
      }
    });
  }
});
