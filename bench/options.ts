/** What `npm run bench` was asked. */
import { parseArgs } from 'node:util';
import type { Effort } from './net/benchmark.js';
import { NET_BENCHMARKS } from './net/index.js';

/** Benchmarks that are programs of their own and need no laboratory. */
export const LOCAL: readonly string[] = ['engine', 'fuzz', 'soak'];

/** Options of the benchmarks. */
export interface BenchOptions {
  readonly names: readonly string[];
  /** File for the results. */
  readonly json?: string;
  readonly effort: Effort;
  readonly help: boolean;
}

const ROUNDS = 5;

export const HELP = `npm run bench [-- NAME...] [--json FILE] [--rounds N] [--quick]

Runs the named benchmarks, or all of them, and shows a table of each:

  engine        the engine alone, on one core: packets a second, memory for a connection
  fuzz          ten million inputs that no sane host would send
  soak          a million connections in virtual time, 200,000 live ones through
                the TUN device: nothing of them may stay
  tcp           TCP throughput of one stream
  packets       packets of 64 bytes a second
  connections   short TCP connections a second, 1 and 32 at a time
  latency       round trip times: median, 99 % and 99.9 %

The last four and the soak carry packets between network namespaces and need root. Each of the four compares ipvsd's NAT, DR and TUN with direct routing, nftables and
HAProxy; all take turns. What they make is removed at the end. docs/benchmarks.md says what the numbers mean.

  --json FILE   writes the results to FILE
  --rounds N    rounds of which the median is taken (default ${ROUNDS}; network benchmarks)
  --quick       shows that everything works: one round, short measurements
  --help        shows this
`;

/** Reads the command line. @throws TypeError for an option or a name that does not exist. */
export function readOptions(args: string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const all = [...LOCAL, ...Object.keys(NET_BENCHMARKS)];
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new TypeError(`there is no benchmark "${unknown}" (${all.join(', ')})`);
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
    throw new TypeError(`--rounds: "${values.rounds}" is no number of rounds (1..1000)`);
  }
  return {
    names: positionals.length > 0 ? all.filter((name) => positionals.includes(name)) : all,
    ...(values.json !== undefined && { json: values.json }),
    effort: { rounds, quick: values.quick },
    help: values.help,
  };
}
