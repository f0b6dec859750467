/** Benchmarks that are programs of their own, each in a fresh process: what one has taught the compiler must not help or harm another. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Inputs of a full run of `fuzz`, and of a short one. */
const FUZZ_INPUTS = 10_000_000;
const FUZZ_INPUTS_QUICK = 200_000;

/** Runs `engine`, `soak` or `fuzz`. @returns what it found, for JSON. @throws when it failed. */
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
