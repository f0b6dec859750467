import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ServiceKey } from '../../control/command.js';
import { mergeSort, sortDests, sortServices } from './sort.js';

describe('services', () => {
  test('go by mark, family, protocol, address and port', () => {
    const sorted: ServiceKey[] = [
      { protocol: 'tcp', address: '10.1.0.9', port: 443 },
      { protocol: 'tcp', address: '10.1.0.10', port: 80 },
      { protocol: 'tcp', address: '10.1.0.10', port: 8080 },
      { protocol: 'udp', address: '10.1.0.1', port: 1 },
      { protocol: 'sctp', address: '10.1.0.1', port: 1 },
      { protocol: 'tcp', address: 'fd00::9', port: 80 },
      { protocol: 'tcp', address: 'fd00::10', port: 80 },
      { fwmark: 1, family: 'inet' },
      { fwmark: 1, family: 'inet6' },
      { fwmark: 2, family: 'inet' },
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (services) => {
        assert.deepEqual(sortServices(services), sorted);
      }),
    );
  });

  test('whose marks or addresses are 2^31 apart come in the wrong order, as with the original', () => {
    const [small, big] = [
      { fwmark: 1, family: 'inet' },
      { fwmark: 0x8000_0002, family: 'inet' },
    ] as const;
    assert.deepEqual(sortServices([small, big]), [big, small]);
    const [low, high] = ['10.0.0.1', '200.0.0.1'].map(
      (address) => ({ protocol: 'tcp', address, port: 80 }) as const,
    );
    assert.deepEqual(sortServices([low!, high!]), [high, low]);
  });
});

test('real servers go by address and port, whatever their family', () => {
  const sorted = [
    { address: '10.2.0.9', port: 80 },
    { address: '10.2.0.10', port: 79 },
    { address: '10.2.0.10', port: 80 },
    { address: '2001:db8::1', port: 80 },
    { address: '2001:db8::2', port: 80 },
  ];
  assert.deepEqual(sortDests([...sorted].reverse()), sorted);
});

test('the sort is stable, and right wherever there is an order', () => {
  const item = fc.record({ key: fc.nat({ max: 5 }), mark: fc.nat() });
  fc.assert(
    fc.property(fc.array(item), (items) => {
      const byKey = (a: { key: number }, b: { key: number }) => a.key - b.key;
      assert.deepEqual(mergeSort(items, byKey), items.toSorted(byKey));
    }),
  );
});
