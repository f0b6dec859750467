import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareOutcomes } from './compare.js';
import type { EmittedPacket, Outcome } from './format.js';

const packet = (hex: string, event: number | null = 0, to = 'rs1'): EmittedPacket => ({
  event,
  to,
  side: 'server',
  mac: '02:02:00:00:00:01',
  hex,
});

const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  name: 'x',
  rule_results: [{ rc: 0, stderr: '' }],
  emitted: [packet('4500'), packet('6000')],
  dumps: ['a\n'],
  dumps_normalised: ['a\n'],
  dump_index: [{ event: 3, cmd: 'ipvsadm -Ln', rc: 0 }],
  ipvsadm_results: [],
  errors: [],
  localrecv: [],
  ...over,
});

describe('compareOutcomes', () => {
  it('finds nothing between equals', () => {
    assert.deepEqual(compareOutcomes(outcome(), outcome({ errors: [{ event: 1 }], dumps: [] })), []);
  });

  const different: [string, Partial<Outcome>, RegExp][] = [
    ['another octet', { emitted: [packet('4501'), packet('6000')] }, /^emitted 0: /],
    ['another receiver', { emitted: [packet('4500', 0, 'rs2'), packet('6000')] }, /^emitted 0: .*to rs1/],
    ['another cause', { emitted: [packet('4500', 1), packet('6000')] }, /^emitted 0: /],
    ['a packet less', { emitted: [packet('4500')] }, /^emitted: 2 packets expected, 1 seen/],
    [
      'another text',
      { dumps_normalised: ['b\n'] },
      /^dumps_normalised 0 \(event 3\) differs\n {2}- a\n {2}\+ b/,
    ],
    ['a dump more', { dumps_normalised: ['a\n', 'b\n'] }, /^dumps_normalised: 1 expected, 2 seen/],
    ['an exit code', { rule_results: [{ rc: 2, stderr: '' }] }, /^rule_results 0/],
    ['an output more', { rule_results: [{ rc: 0, stderr: '', stdout: 'x' }] }, /^rule_results 0/],
  ];
  for (const [what, over, message] of different) {
    it(`finds ${what}`, () => {
      const found = compareOutcomes(outcome(), outcome(over));
      assert.equal(found.length, 1);
      assert.match(found[0]!, message);
    });
  }

  it('leaves volatile parts out', () => {
    const actual = outcome({ emitted: [packet('4501'), packet('6000')], dumps_normalised: ['b\n'] });
    const volatile = { emitted_octets: { '0': [1] }, dumps_normalised: [0] };
    assert.deepEqual(compareOutcomes(outcome({ volatile }), actual), []);
    assert.equal(compareOutcomes(outcome({ volatile: { emitted_octets: { '1': [1] } } }), actual).length, 2);
    const none = outcome({ emitted: [], dumps_normalised: [] });
    assert.deepEqual(
      compareOutcomes(outcome({ volatile: { emitted: 'order', dumps_normalised: 'length' } }), none),
      [],
    );
  });
});
