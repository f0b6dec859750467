/** Benchmarks that are programs of their own, each in a fresh process: what one has taught the compiler must not help or harm another. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What their tables are headed with, of those that are kept in the documentation. */
export const TITLES = {
  paths: 'Programs of the fast path, one packet by BPF_PROG_TEST_RUN (median; least to most)',
  million: 'A million connections that the kernel carries',
} as const;

/** Inputs of a full run of `fuzz`, and of a short one. */
const FUZZ_INPUTS = 10_000_000;
const FUZZ_INPUTS_QUICK = 200_000;

/** Runs one by its name. @returns what it found, for JSON. @throws when it failed. */
export function runProgram(name: string, quick: boolean): unknown {
  if (name === 'fuzz') {
    const count = quick ? FUZZ_INPUTS_QUICK : FUZZ_INPUTS;
    run('fuzz', '--count', String(count));
    return { inputs: count, threw: 0 };
  }
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-bench-'));
  try {
    const file = join(folder, 'figures.json');
    run(name, '--json', file, ...(quick ? ['--quick'] : []));
    return (JSON.parse(readFileSync(file, 'utf8')) as { figures: unknown }).figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(name: string, ...args: string[]): void {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${name} ended with ${status}`);
}
