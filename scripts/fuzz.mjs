/**
 * npm run fuzz: runs the random tests again and again, each round from another seed, until one fails.
 *
 *   npm run fuzz                          ten rounds of all of them
 *   npm run fuzz -- state reader.test     those whose path has one of these words
 *   npm run fuzz -- --rounds=100          so many rounds
 *
 * What is found is found again by FUZZ_SEED=N npm test -- WORD.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { prepare, ROOT, run, say } from './prepare.mjs';
import { compiled, RUNNER, sources } from './test-files.mjs';

const args = process.argv.slice(2);
const rounds = Number(args.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 10);
prepare({ npm: true, build: true });
const files = sources(args.filter((arg) => !arg.startsWith('-')))
  .filter((file) => readFileSync(`${ROOT}${file}`, 'utf8').includes("from 'fast-check'"))
  .map(compiled);
for (let round = 1; round <= rounds && process.exitCode === undefined; round++) {
  const seed = randomInt(0x7fff_ffff);
  say(`Round ${round} of ${rounds}, ${files.length} files, FUZZ_SEED=${seed}`);
  process.env.FUZZ_SEED = String(seed);
  const status = run(process.execPath, [...RUNNER, '--test-reporter=spec', ...files]);
  if (status !== 0) process.exitCode = status;
}
