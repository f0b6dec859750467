/**
 * The engine alone, on one core: packets per second, new connections per second, memory for a connection, and the longest pause.
 *
 *   node dist/bench/engine.js [--quick] [--json FILE]
 *
 * Packets are written into one buffer, given to `receive`, and thrown away by the host: no device and no kernel takes part. All are NAT,
 * requests and replies in turn, of flows in random order. The time for writing them is measured by itself and taken off.
 */
import { parseArgs } from 'node:util';
import { IPPROTO_TCP, IPPROTO_UDP } from '../src/engine/flags.js';
import { Packet } from '../src/wire/packet.js';
import { EngineLoad, type Pauses } from './support/engine-load.js';
import { FlowStream } from './support/flow-stream.js';
import { Random } from './support/random.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';

const MILLION = 1_000_000;
/** Most connections in the measurements with a million. */
const LIMIT = 1 << 20;
/** The best of so many rounds counts: others share the machine. */
const ROUNDS = 5;

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const packets = values.quick ? 200_000 : 2 * MILLION;

function best(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Packets per second with the given connections open. */
function throughput(load: EngineLoad, protocol: number, name: string, target: number | undefined): Figure {
  const p = new Packet();
  const stream = new FlowStream(load.flows, protocol, packets, new Random(2));
  stream.begin(p);
  const writing = best(() => stream.playNothing(p, 0, packets));
  stream.play(load.net, p, 0, Math.min(packets, 100_000), load.clock);
  const all = best(() => stream.play(load.net, p, 0, packets, load.clock));
  if (load.net.ipvs.conns.count !== load.flows.count)
    throw new Error(`${name}: the packets were not of these connections`);
  const rate = (ms: number) => packets / ms / 1000;
  return {
    name,
    value: rate(all - writing),
    unit: 'M packets/s',
    ...(target === undefined ? {} : { target }),
    note: `${(((all - writing) / packets) * 1e6).toFixed(0)} ns each; ${rate(all).toFixed(2)} M/s with writing them (${((writing / packets) * 1e6).toFixed(0)} ns)`,
  };
}

function family(v6: boolean): string {
  return v6 ? 'IPv6' : 'IPv4';
}

const PROTOCOLS = [
  [IPPROTO_UDP, 'UDP'],
  [IPPROTO_TCP, 'TCP'],
] as const;
const figures: Figure[] = [];

for (const v6 of [false, true]) {
  for (const [protocol, text] of PROTOCOLS) {
    const load = new EngineLoad(protocol, v6, 64, 1024);
    load.open();
    load.establish();
    figures.push(
      throughput(load, protocol, `NAT ${text} ${family(v6)}, 64 connections`, v6 ? undefined : 15),
    );
  }
}

for (const v6 of [false, true]) {
  for (const [protocol, text] of PROTOCOLS) {
    const before = process.memoryUsage();
    const load = new EngineLoad(protocol, v6, MILLION, LIMIT);
    const reserved = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    const start = performance.now();
    load.open();
    const opening = performance.now() - start;
    const after = process.memoryUsage();
    const heap = Math.max(0, after.heapUsed - before.heapUsed);
    load.establish();
    figures.push(
      throughput(load, protocol, `NAT ${text} ${family(v6)}, 1,000,000 connections`, v6 ? undefined : 4),
    );
    figures.push({
      name: `new connections, ${text} ${family(v6)}`,
      value: MILLION / opening / 1000,
      unit: 'M/s',
      note: `from none to 1,000,000`,
    });
    if (protocol !== IPPROTO_TCP) continue;
    figures.push({
      // the flows' own array is the benchmark's
      name: `memory for a connection, ${family(v6)}`,
      value: (reserved - load.flows.server.byteLength) / LIMIT + heap / MILLION,
      unit: 'bytes',
      target: 128,
      atMost: true,
      note: `typed arrays ${((reserved - load.flows.server.byteLength) / LIMIT).toFixed(1)}, heap ${(heap / MILLION).toFixed(2)}; resident +${((after.rss - before.rss) / MILLION).toFixed(0)}`,
    });
  }
}

let least: Pauses = { longest: Number.POSITIVE_INFINITY, aboveOneMs: 0 };
for (let i = 0; i < 3; i++) {
  const pauses = { longest: 0, aboveOneMs: 0 };
  new EngineLoad(IPPROTO_TCP, false, MILLION, LIMIT).open(pauses);
  if (pauses.longest < least.longest) least = pauses;
}
figures.push({
  name: 'longest receive() while growing to 1,000,000',
  value: least.longest,
  unit: 'ms',
  note: `${least.aboveOneMs} calls above 1 ms; least of 3 runs, since the machine is shared`,
});

printFigures('Engine, one core', figures);
if (values.json !== undefined) writeFigures(values.json, figures);
