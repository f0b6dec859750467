/**
 * Gives the parsers and the engine packets that no sane host would send.
 *
 *   node dist/bench/fuzz.js [--count N] [--seed S]
 *
 * N inputs for each (default 200000), a different seed each time unless it is given. Ends with 1 at the first that makes anything throw.
 */
import { parseArgs } from 'node:util';
import { fuzz } from './support/fuzz-run.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const start = performance.now();
try {
  const { inputs, transmitted, icmpErrors, connections } = fuzz(count, seed);
  const seconds = (performance.now() - start) / 1000;
  console.log(`${inputs} inputs of seed ${seed} in ${seconds.toFixed(1)} s: nothing threw`);
  console.log(`${connections} connections, ${transmitted} packets sent on, ${icmpErrors} ICMP errors`);
} catch (error) {
  console.error(
    error instanceof Error ? `${error.message}\n${(error.cause as Error | undefined)?.stack ?? ''}` : error,
  );
  process.exitCode = 1;
}
