/** The test files, and how they are run. */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ROOT } from './prepare.mjs';

/** Milliseconds that one test may take. */
const TEST_TIMEOUT = 300_000;

/** Arguments of node, before the files. */
export const RUNNER = [
  '--import=./dist/test/support/seed.js',
  '--test',
  `--test-timeout=${TEST_TIMEOUT}`,
  // what a test that failed left behind must not keep this from ending
  '--test-force-exit',
  `--test-concurrency=${availableParallelism()}`,
];

/**
 * @param {readonly string[]} words of which the path has one; none is any
 * @returns {string[]} sources: dist/ may still have tests whose source is gone
 */
export function sources(words) {
  return ['src', 'test']
    .flatMap((folder) =>
      readdirSync(`${ROOT}${folder}`, { recursive: true }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

/** The program that a source becomes. */
export function compiled(source) {
  return `dist/${source.replace(/ts$/, 'js')}`;
}
