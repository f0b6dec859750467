/**
 * npm test: installs and builds what is missing, checks style and layers, and runs every test.
 *
 *   npm test                              everything
 *   npm test -- control api.test          test files whose path has one of these words
 *   npm test -- --test-name-pattern=rr    flags go to node's test runner
 */
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare, run, say, tool } from './prepare.mjs';
import { compiled, RUNNER, sources } from './test-files.mjs';

function main(args) {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const words = args.filter((arg) => !arg.startsWith('-'));
  const inCi = process.env.CI === 'true';
  prepare({ npm: true, build: true, debian: DEBIAN_PACKAGES.test, goOn: !inCi });

  say('Checking style and layers');
  if (tool('biome', 'check', '--error-on-warnings', '.') !== 0) {
    throw new PrepareError('the check above failed; "npm run format" mends what can be mended by a program');
  }

  const files = sources(words).map(compiled);
  if (files.length === 0) throw new PrepareError(`no test file has ${words.join(' or ')} in its path`);
  say(`Testing (${files.length} files)`);
  if (process.getuid() !== 0)
    process.stdout.write('Not root: tests that need network namespaces are skipped.\n');
  return run(process.execPath, [...RUNNER, '--test-reporter=spec', ...flags, ...files]);
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm test: ${error.message}\n`);
  process.exitCode = 1;
}
