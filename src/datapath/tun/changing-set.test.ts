import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangingSet } from './changing-set.js';

test('a changing set tells of the last change of each item, once, and only when it comes or goes', () => {
  const set = new ChangingSet<string>();
  set.add('a', 'A');
  set.add('a', 'A');
  set.add('b', 'B');
  set.remove('b');
  assert.deepEqual(set.takeChanges(), [
    { item: 'A', there: true },
    { item: 'B', there: false },
  ]);
  set.remove('a');
  assert.deepEqual(set.takeChanges(), []);
  set.remove('a');
  assert.deepEqual(set.takeChanges(), [{ item: 'A', there: false }]);
  assert.equal(set.size, 0);
});
