import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { describe, test } from 'node:test';
import { closeFd } from './fd.js';
import { StreamEnd, streamPair } from './stream-pair.js';

describe('a pair of ends', () => {
  for (const read of [true, false]) {
    test(`has ended when the other one is closed, what was written being ${read ? '' : 'un'}read`, () => {
      const [ours, theirs] = streamPair();
      const end = new StreamEnd(ours);
      end.writeLast(Buffer.from('0\n'));
      assert.equal(end.read(), undefined);
      if (read) assert.equal(readSync(theirs, new Uint8Array(8)), 2);
      closeFd(theirs);
      assert.equal(end.read(), 'end');
      end.close();
    });
  }
});
