/** npm run record: installs and builds what is missing, then records scenarios against a real kernel. */
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare } from './prepare.mjs';

const helpOnly = process.argv.includes('--help') || process.argv.includes('-h');

try {
  prepare({ npm: true, build: true, debian: helpOnly ? [] : DEBIAN_PACKAGES.record });
  await import('../dist/test/record/main.js');
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm run record: ${error.message}\n`);
  process.exitCode = 1;
}
