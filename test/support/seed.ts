/**
 * Where random tests begin. `npm test` and `npm run fuzz` load this before each test file.
 *
 * By itself a run tries what the run before has tried, so that a change is judged by what it changes. `FUZZ_SEED=N` tries something else.
 */
import fc from 'fast-check';

const { FUZZ_SEED = '1' } = process.env;
if (!/^-?\d{1,10}$/.test(FUZZ_SEED)) throw new Error(`FUZZ_SEED=${FUZZ_SEED}: expected an integer`);
fc.configureGlobal({ seed: Number(FUZZ_SEED) | 0 });
