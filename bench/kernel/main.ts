/** `npm run bench:kernel`: ipvsd beside the kernel's own IPVS, counted in instructions. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { netTable } from '../net/report.js';
import { type Kept, keepInDocs } from '../support/documents.js';
import { guestKernel } from './debian-kernel.js';
import { sections } from './figures.js';
import { runInGuest } from './guest.js';
import type { GuestResult } from './inside/task.js';
import { plan } from './plan.js';

const HELP = `npm run bench:kernel [-- --json FILE] [--repetitions N] [--quick] [--keep]

Boots Debian's 6.12 kernel in QEMU, which needs no KVM and changes nothing of this machine, and counts the instructions that a packet takes
by routing, nftables DNAT, the kernel's IPVS and ipvsd: a few minutes. docs/benchmarks.md says what the numbers mean.

  --json FILE        writes the results to FILE
  --repetitions N    of which the median is taken (default 5)
  --quick            shows that everything works: one repetition of few packets
  --keep             writes the results into docs/: bench-kernel.json, bench-kernel.svg, the tables in benchmarks.md
  --help             shows this
`;

/** Seconds; a slow machine takes some minutes. */
const LIMIT = 3600;
const INSIDE = fileURLToPath(new URL('./inside/main.js', import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      repetitions: { type: 'string' },
      quick: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const repetitions = Number(values.repetitions ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(repetitions) || repetitions < 1 || repetitions > 100)
    throw new TypeError(`--repetitions: "${values.repetitions}" is no number of repetitions (1..100)`);
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => interruption.abort(new Error('interrupted')));
  const task = plan({ repetitions, quick: values.quick });
  const command = `exec '${process.execPath}' --single-threaded '${INSIDE}' '${JSON.stringify(task)}'`;
  const result = await runInGuest(
    guestKernel(),
    command,
    { limit: LIMIT, print: (text) => process.stderr.write(text), signal: interruption.signal },
    (folder) => JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as GuestResult,
  );
  const kept: Kept = {
    about: {
      kernel: result.kernel,
      node: process.version,
      repetitions,
      date: new Date().toISOString().slice(0, 10),
    },
    sections: sections(result),
  };
  for (const section of kept.sections) process.stdout.write(`\n${netTable(section)}`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(kept, null, 2)}\n`);
  if (values.keep) keepInDocs('kernel', kept);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`\nnpm run bench:kernel: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
