import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from '../bench/support/fuzz-run.js';

describe('malformed packets', () => {
  it('make neither the parsers nor the engine throw, and leave nothing behind', () => {
    const report = fuzz(200_000, 1);
    // inputs that are all refused at once would show nothing
    assert.ok(report.connections > 1000, `${report.connections} connections`);
    assert.ok(report.transmitted > 5000, `${report.transmitted} packets sent on`);
    assert.ok(report.icmpErrors > 1000, `${report.icmpErrors} ICMP errors`);
  });

  it('come again with the same seed', () => {
    assert.deepEqual(fuzz(5000, 7), fuzz(5000, 7));
  });
});
