/** What `npm run bench` was asked. */
import { parseArgs } from 'node:util';
import type { Effort } from './net/benchmark.js';
import { NET_BENCHMARKS } from './net/index.js';

/** Benchmarks that are programs of their own and need no laboratory. */
export const LOCAL: readonly string[] = ['engine', 'paths', 'million', 'large', 'fuzz', 'soak'];

/** Options of the benchmarks. */
export interface BenchOptions {
  readonly names: readonly string[];
  /** File for the results. */
  readonly json?: string;
  /** The documentation is to have them. */
  readonly keep: boolean;
  readonly effort: Effort;
  readonly help: boolean;
}

const ROUNDS = 5;

export const HELP = `npm run bench [-- NAME...] [--json FILE] [--rounds N] [--quick] [--keep]

Runs the named benchmarks, or all of them, and shows a table of each:

  engine        the engine alone, on one core: packets a second, memory for a connection
  paths         the fast path's programs, one packet at a time
  million       a million connections in the fast path's maps: memory, time to
                install them and to read their counters
  large         ten thousand services: loaded, changed, listed; a thousand servers
                checked each second
  fuzz          ten million inputs that no sane host would send
  soak          a million connections in virtual time, 200,000 live ones through
                the TUN device: nothing of them may stay
  tcp           TCP throughput of one stream, and what it takes of the processors
  cost          what a way adds to each packet of 60 bytes, microseconds
  packets       packets of 64 bytes a second
  connections   short TCP connections a second, 1, 32 and 256 at a time
  flows         new UDP flows: microseconds for each, and how many a second
  latency       round trip times: median, 99 % and 99.9 %

The last six, large and the soak use network namespaces and need root. Each of the six compares ipvsd's NAT, DR and TUN, by each data path that it has, with direct routing, nftables and
HAProxy; all take turns. What they make is removed at the end. docs/benchmarks.md says what the numbers mean.

  --json FILE   writes the results to FILE
  --rounds N    rounds of which the median is taken (default ${ROUNDS}; network benchmarks)
  --quick       shows that everything works: one round, short measurements
  --keep        writes network benchmarks, paths and million, as far as they are run, into docs/: bench-net.json, bench-net.svg, and the tables in benchmarks.md
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
      keep: { type: 'boolean', default: false },
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
    keep: values.keep,
    effort: { rounds, quick: values.quick },
    help: values.help,
  };
}
