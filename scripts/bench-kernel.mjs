/** npm run bench:kernel: installs and builds what is missing, and measures beside the kernel's IPVS in a virtual machine. See --help. */
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare, ROOT, run } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  const helpOnly = args.includes('--help') || args.includes('-h');
  prepare({ npm: true, build: true, debian: helpOnly ? [] : DEBIAN_PACKAGES.benchKernel });
  process.exitCode = run(process.execPath, [`${ROOT}dist/bench/kernel/main.js`, ...args]);
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm run bench:kernel: ${error.message}\n`);
  process.exitCode = 1;
}
