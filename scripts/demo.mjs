/** npm run demo: installs and builds what is missing, and runs the demonstration. See --help. */
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare, ROOT, run } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  prepare({ npm: true, build: true, debian: args.includes('--help') ? [] : DEBIAN_PACKAGES.demo });
  process.exitCode = run(process.execPath, [`${ROOT}dist/demo/main.js`, ...args]);
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm run demo: ${error.message}\n`);
  process.exitCode = 1;
}
