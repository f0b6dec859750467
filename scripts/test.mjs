/**
 * npm test: installs and builds what is missing, checks style and layers, and runs every test.
 *
 *   npm test                              everything
 *   npm test -- control api.test          test files whose path has one of these words
 *   npm test -- --test-name-pattern=rr    flags go to node's test runner
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare, ROOT, run, say, tool } from './prepare.mjs';

/** Milliseconds that one test may take. */
const TEST_TIMEOUT = 300_000;

function testFiles(words) {
  // the sources are walked, since dist/ may still have tests whose source is gone
  return ['src', 'test']
    .flatMap((folder) =>
      readdirSync(`${ROOT}${folder}`, { recursive: true }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .map((file) => `dist/${file.replace(/ts$/, 'js')}`)
    .sort();
}

function main(args) {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const words = args.filter((arg) => !arg.startsWith('-'));
  const inCi = process.env.CI === 'true';
  prepare({ npm: true, build: true, debian: DEBIAN_PACKAGES.test, goOn: !inCi });

  say('Checking style and layers');
  if (tool('biome', 'check', '--error-on-warnings', '.') !== 0) {
    throw new PrepareError('the check above failed; "npm run format" mends what can be mended by a program');
  }

  const files = testFiles(words);
  if (files.length === 0) throw new PrepareError(`no test file has ${words.join(' or ')} in its path`);
  say(`Testing (${files.length} files)`);
  if (process.getuid() !== 0)
    process.stdout.write('Not root: tests that need network namespaces are skipped.\n');
  return run(process.execPath, [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${TEST_TIMEOUT}`,
    // what a test that failed left behind must not keep this from ending
    '--test-force-exit',
    `--test-concurrency=${availableParallelism()}`,
    ...flags,
    ...files,
  ]);
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm test: ${error.message}\n`);
  process.exitCode = 1;
}
