/** `npm run bench`: runs benchmarks by name, shows tables, and writes what was found. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import type { NetFigure } from './net/benchmark.js';
import { NET_BENCHMARKS, runNet, section } from './net/index.js';
import { type BenchOptions, HELP, LOCAL, readOptions } from './options.js';
import { runProgram, TITLES } from './program.js';
import { keepInDocs } from './support/documents.js';
import type { Figure } from './support/report.js';

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
  const about = {
    node: process.version,
    arch: process.arch,
    kernel: release(),
    cpus: availableParallelism(),
    cpu: /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
    date: new Date().toISOString(),
    ...effort,
  };
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ about, benchmarks }, null, 2)}\n`);
  if (!options.keep) return;
  keepInDocs('net', {
    about,
    sections: net.map((name) => section(name, benchmarks[name] as NetFigure[], effort)),
    lists: (['paths', 'million'] as const)
      .filter((name) => name in benchmarks)
      .map((name) => ({ title: TITLES[name], figures: benchmarks[name] as Figure[] })),
  });
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`\nnpm run bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
