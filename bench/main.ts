/** `npm run bench`: runs benchmarks by name, shows tables, and writes what was found. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { NET_BENCHMARKS, runNet } from './net/index.js';
import { type BenchOptions, HELP, LOCAL, readOptions } from './options.js';
import { runProgram } from './program.js';

async function main(options: BenchOptions): Promise<void> {
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { names, effort } = options;
  const benchmarks: Record<string, unknown> = {};
  for (const name of names.filter((n) => LOCAL.includes(n)))
    benchmarks[name] = runProgram(name, effort.quick);
  const net = names.filter((n) => n in NET_BENCHMARKS);
  if (net.length > 0) Object.assign(benchmarks, await runNet(net, effort));
  if (options.json === undefined) return;
  const about = {
    node: process.version,
    arch: process.arch,
    kernel: release(),
    cpus: availableParallelism(),
    cpu: /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
    date: new Date().toISOString(),
    ...effort,
  };
  writeFileSync(options.json, `${JSON.stringify({ about, benchmarks }, null, 2)}\n`);
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`\nnpm run bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
