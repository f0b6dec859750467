import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ErrorBudget } from './error-budget.js';

it('tells a sender of missing routes five times at once, and then once a second', () => {
  const errors = new ErrorBudget();
  const allowed = (count: number, now: number): boolean[] =>
    Array.from({ length: count }, () => errors.allows(7, now));
  assert.deepEqual(allowed(6, 0), [true, true, true, true, true, false]);
  assert.deepEqual(allowed(1, 999), [false]);
  assert.deepEqual(allowed(2, 1000), [true, false]);
  assert.deepEqual(allowed(6, 60_000), [true, true, true, true, true, false]);
});

it('has nothing saved after an error of another kind', () => {
  const errors = new ErrorBudget();
  errors.spend(7, 0);
  assert.equal(errors.allows(7, 999), false);
  assert.equal(errors.allows(7, 1000), true);
  assert.equal(errors.allows(8, 1000), true);
});
