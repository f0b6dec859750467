import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emptyOutcome, type Outcome } from '../../src/datapath/scenario/format.js';
import { findVolatile } from './volatile.js';

function outcome(part: Partial<Outcome>): Outcome {
  return { ...emptyOutcome('x'), ...part };
}

const packet = (hex: string, to = 'client') => ({ event: 0, to, side: 'client', mac: '', hex });

describe('findVolatile', () => {
  it('finds nothing in equal outcomes', () => {
    const same = () => outcome({ emitted: [packet('6000')], dumps: ['a'] });
    assert.equal(findVolatile([same(), same(), same()]), undefined);
  });

  it('names the 16-bit words of a packet that differ in any run', () => {
    const runs = ['6000000000ff', '6000000000ff', '6000000000fe'].map((hex) =>
      outcome({ emitted: [packet(hex)] }),
    );
    assert.deepEqual(findVolatile(runs), { emitted_octets: { 0: [4, 5] } });
  });

  it('takes the IPv4 header checksum to vary with the identification', () => {
    const header = (id: string) => `45000014${id}000040060000`;
    const runs = ['0001', '0002'].map((id) => outcome({ emitted: [packet(header(id))] }));
    assert.deepEqual(findVolatile(runs), { emitted_octets: { 0: [4, 5, 10, 11] } });
  });

  it('takes all of a flow label to vary when half of it does, also in a tunnel', () => {
    const header = (label: string, next: string) => `600${label}0000${next}40${'00'.repeat(32)}`;
    const runs = ['10001', '10002'].map((label) =>
      outcome({ emitted: [packet(header('00000', '29') + header(label, '11'))] }),
    );
    assert.deepEqual(findVolatile(runs), { emitted_octets: { 0: [40, 41, 42, 43] } });
  });

  it('gives up on packets whose number, size or direction differs', () => {
    const one = outcome({ emitted: [packet('6000')] });
    for (const other of [[], [packet('600000')], [packet('6000', 'rs1')]]) {
      const found = findVolatile([one, outcome({ emitted: other })]);
      assert.equal(typeof found?.emitted, 'string');
    }
  });

  it('names the entries of lists, or the list when its length differs', () => {
    const runs = [
      outcome({ dumps: ['a', 'b'], errors: [] }),
      outcome({ dumps: ['a', 'c'], errors: [{ event: 1 }] }),
    ];
    assert.deepEqual(findVolatile(runs), { dumps: [1], errors: 'length' });
  });
});
