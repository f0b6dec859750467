/** npm run bench: installs and builds what is missing, and runs the benchmarks. See --help. */
import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { PrepareError, prepare, ROOT, run } from './prepare.mjs';

/** Benchmarks that need nothing but Node, and some the permission to use BPF. */
const PURE = ['engine', 'paths', 'million', 'fuzz'];

try {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => /^[a-z]+$/.test(arg));
  const pure = args.includes('--help') || (names.length > 0 && names.every((name) => PURE.includes(name)));
  prepare({ npm: true, build: true, debian: pure ? [] : DEBIAN_PACKAGES.bench });
  process.exitCode = run(process.execPath, [`${ROOT}dist/bench/main.js`, ...args]);
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`\nnpm run bench: ${error.message}\n`);
  process.exitCode = 1;
}
