import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filler } from '../../test/support/bytes.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, HEADROOM, Packet } from './packet.js';

describe('Packet', () => {
  it('takes the largest IP packet behind its headroom', () => {
    const p = new Packet();
    p.load(filler(65_535));
    assert.deepEqual(p.payload(), filler(65_535));
    assert.equal(p.data, HEADROOM);
  });

  it('forgets everything about the packet before', () => {
    const p = new Packet(256);
    p.mark = 7;
    p.ipSummed = CHECKSUM_PARTIAL;
    p.csumStart = 20;
    p.csumOffset = 16;
    p.gsoSize = 1448;
    p.fragMaxSize = 1500;
    p.fragDf = true;
    p.fragSizes = Uint16Array.of(1480, 20);
    p.ifindex = 3;
    p.ipvsProperty = true;
    p.ignoreDf = true;
    p.load(filler(40));
    const fresh = new Packet(256);
    fresh.load(filler(40));
    assert.deepEqual({ ...p }, { ...fresh });
    assert.equal(p.ipSummed, CHECKSUM_NONE);
  });

  it('brings headers into one piece at the cost of later fragments', () => {
    const p = new Packet(256);
    const pulled = (n: number, ...sizes: number[]) => {
      p.load(filler(20 + sizes.reduce((sum, size) => sum + size)));
      p.fragSizes = Uint16Array.from(sizes);
      p.pull(n);
      return p.fragSizes && [...p.fragSizes];
    };
    assert.deepEqual(pulled(40, 24, 8), [24, 8]);
    assert.deepEqual(pulled(32, 8, 8, 8), [12, 4, 8]);
    assert.deepEqual(pulled(40, 8, 8, 8), [20, 4]);
    assert.deepEqual(pulled(36, 8, 8, 8), [16, 8]);
    assert.equal(pulled(40, 8, 12), undefined);
  });

  it('keeps pointing at the transport checksum when a header is put in front', () => {
    const p = new Packet(256);
    p.load(filler(60));
    p.ipSummed = CHECKSUM_PARTIAL;
    p.csumStart = 20;
    const byte = p.data + p.csumStart;
    p.push(24);
    assert.equal(p.len, 84);
    assert.equal(p.data + p.csumStart, byte);
  });
});
