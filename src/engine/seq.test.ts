import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnSeq, SeqAdj, seqAfter, seqBefore } from './seq.js';

const seq = fc.integer({ min: 0, max: 0xffff_ffff });
const near = fc.integer({ min: 1, max: 0x7fff_ffff });

test('sequence numbers are compared around the end of the number space', () => {
  assert.equal(seqAfter(5, 0xffff_fff0), true);
  assert.equal(seqBefore(0xffff_fff0, 5), true);
  assert.equal(seqAfter(7, 7) || seqBefore(7, 7), false);
  fc.assert(fc.property(seq, near, (a, d) => seqAfter((a + d) | 0, a) && seqBefore(a, (a + d) >>> 0)));
});

test('IPVS: what lies behind the changed packet has moved, and an acknowledgement of it moves back', () => {
  const s = new ConnSeq();
  s.update(true, 1000, 5);
  assert.equal(s.fix(1000), 1000);
  assert.equal(s.fix(1001), 1006);
  assert.equal(s.fixAck(1005), 1005);
  assert.equal(s.fixAck(1006), 1001);
  s.update(false, 2000, -2);
  assert.equal(s.fix(2000), 2005);
  assert.equal(s.fix(2001), 2004);
});

test('IPVS: a packet that is sent again does not count twice', () => {
  const s = new ConnSeq();
  s.update(true, 1000, 5);
  s.update(false, 1000, 5);
  assert.equal(s.fix(2000), 2005);
});

test('tracking: the same, but an acknowledgement changes over where the original packet began', () => {
  const s = new SeqAdj();
  assert.equal(s.idle, true);
  s.set(1000, 5);
  assert.deepEqual([s.offset(1000), s.offset(1001)], [0, 5]);
  assert.deepEqual([s.offsetBack(1000), s.offsetBack(1001)], [0, 5]);
  s.set(2000, -2);
  assert.deepEqual([s.offset(1500), s.offset(2000), s.offset(2001)], [5, 5, 3]);
  assert.deepEqual([s.offsetBack(2005), s.offsetBack(2006)], [5, 3]);
  s.set(1000, 7);
  assert.equal(s.offset(3000), 3, 'an older packet changes nothing');
});

test('tracking: lengths that come to nothing leave the way open for a change anywhere', () => {
  const s = new SeqAdj();
  s.set(5000, 0);
  assert.equal(s.idle, true);
  s.set(5000, 3);
  s.set(6000, -3);
  assert.equal(s.offset(7000), 0);
  assert.equal(s.offset(6000), 3);
});

test('a byte that has moved is moved back by its acknowledgement, whatever came before it', () => {
  fc.assert(
    fc.property(
      seq,
      fc.array(
        fc.record({ gap: fc.integer({ min: 100, max: 4000 }), diff: fc.integer({ min: -40, max: 40 }) }),
        {
          minLength: 1,
          maxLength: 8,
        },
      ),
      (start, changes) => {
        const s = new SeqAdj();
        let at = start;
        for (const { gap, diff } of changes) {
          at = (at + gap) >>> 0;
          s.set(at, diff);
        }
        // far behind the last change
        const byte = (at + 5000) >>> 0;
        const moved = (byte + s.offset(byte)) >>> 0;
        assert.equal((moved - s.offsetBack(moved)) >>> 0, byte);
      },
    ),
  );
});
