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
import { connMemory } from './support/conn-memory.js';
import { EngineLoad } from './support/engine-load.js';
import { FlowStream } from './support/flow-stream.js';
import { memoryLatency } from './support/memory.js';
import { Random } from './support/random.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';

const MILLION = 1_000_000;
/** Most connections in the measurements with a million. */
const LIMIT = 1 << 20;
/** Packets between two looks at the clock: a few milliseconds, less than a turn of the scheduler's. */
const CHUNK = 20_000;

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const PACKETS = values.quick ? 200_000 : MILLION;
const ROUNDS = values.quick ? 2 : 5;

/** Runs of which each call's best counts, for the longest pause. */
const PAUSE_RUNS = 5;

const PROTOCOLS = [
  [IPPROTO_UDP, 'UDP'],
  [IPPROTO_TCP, 'TCP'],
] as const;
const FAMILIES = [
  [false, 'IPv4'],
  [true, 'IPv6'],
] as const;

/** ns for a packet, in the best chunk of all rounds: others share the machine, and what they take is not the engine's. */
function best(work: (from: number, to: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    for (let from = 0; from < PACKETS; from += CHUNK) {
      const start = performance.now();
      work(from, from + CHUNK);
      least = Math.min(least, performance.now() - start);
    }
  }
  return (least / CHUNK) * 1e6;
}

/** Packets that are at hand at a time in the data path's loop, when it has much to do. */
const AHEAD = 16;

/** Packets per second with the given connections open. @param ahead packets that the engine is told of at a time; 1 for none. */
function throughput(load: EngineLoad, protocol: number, name: string, target?: number, ahead = 1): Figure {
  const packets = Array.from({ length: ahead }, () => new Packet());
  const p = packets[0]!;
  const stream = new FlowStream(load.flows, protocol, PACKETS, new Random(2));
  for (const packet of packets) stream.begin(packet);
  const writing = best((from, to) => stream.playNothing(p, from, to));
  const all = best((from, to) =>
    ahead === 1
      ? stream.play(load.net, p, from, to, load.clock)
      : stream.playAhead(load.net, packets, from, to, load.clock),
  );
  if (load.net.ipvs.conns.count !== load.flows.count)
    throw new Error(`${name}: the packets were not of these connections`);
  const own = all - writing;
  return {
    name,
    value: 1000 / own,
    unit: 'M packets/s',
    ...(target === undefined ? {} : { target }),
    note: `${own.toFixed(0)} ns each; writing one takes ${writing.toFixed(0)} ns more`,
  };
}

function few(): Figure[] {
  return FAMILIES.flatMap(([v6, family]) =>
    PROTOCOLS.map(([protocol, text]) => {
      const load = new EngineLoad(protocol, v6, 64, 1024);
      load.open();
      load.establish();
      return throughput(load, protocol, `NAT ${text} ${family}, 64 connections`, v6 ? undefined : 15);
    }),
  );
}

function many(): Figure[] {
  return FAMILIES.flatMap(([v6, family]) =>
    PROTOCOLS.flatMap(([protocol, text]) => {
      const load = new EngineLoad(protocol, v6, MILLION, LIMIT);
      const start = performance.now();
      load.open();
      const opening = performance.now() - start;
      load.establish();
      const name = `NAT ${text} ${family}, 1,000,000 connections`;
      return [
        throughput(load, protocol, `${name}, ${AHEAD} packets at a time`, v6 ? undefined : 4, AHEAD),
        throughput(load, protocol, `${name}, one by one`),
        {
          name: `new connections, ${text} ${family}`,
          value: MILLION / opening / 1000,
          unit: 'M/s',
          note: 'from none to 1,000,000',
        },
      ];
    }),
  );
}

function memory(): Figure[] {
  return FAMILIES.map(([v6, family]) => {
    const { arrays, heap, resident } = connMemory(v6, MILLION, LIMIT);
    return {
      name: `memory for a connection, ${family}`,
      value: arrays + heap,
      unit: 'bytes',
      target: 128,
      atMost: true,
      note: `typed arrays ${arrays.toFixed(1)}, heap ${heap.toFixed(2)}; the process grew by ${resident.toFixed(1)}`,
    };
  });
}

/** The longest call while connections are opened. What lengthens a call in one run, but not in another, is the machine's doing. */
function pause(): Figure {
  const took = new Float32Array(MILLION).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < PAUSE_RUNS; i++) new EngineLoad(IPPROTO_TCP, false, MILLION, LIMIT).open(took);
  return {
    name: 'longest receive() while growing to 1,000,000',
    value: took.reduce((a, b) => Math.max(a, b)),
    unit: 'ms',
    note: `each call's best of ${PAUSE_RUNS} runs`,
  };
}

const latency: Figure = {
  name: 'one random read from 64 MiB',
  value: memoryLatency(),
  unit: 'ns',
  note: 'the machine, not the engine',
};
const figures = [latency, ...few(), ...many(), ...memory(), pause()];
printFigures('Engine, one core', figures);
if (values.json !== undefined) writeFigures(values.json, figures);
