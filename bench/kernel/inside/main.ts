/**
 * Runs inside the guest: `main.js OPTIONS`, OPTIONS being {@link GuestTask} as JSON. Leaves {@link GuestResult} in /out/result.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { enterNetns } from '../../../src/linux/netns.js';
import { answers, requests } from '../../burst/frames.js';
import { Generator } from '../../burst/generator.js';
import { burst } from '../../burst/measure.js';
import { Receiver } from '../../burst/receiver.js';
import { giveWay } from '../../burst/scheduling.js';
import { workFor } from '../../support/process-use.js';
import { daemonThreads, decided, loadModules, start } from './balancers.js';
import { ADDRESSES, hardware, host, PORT, SERVER_PORT, type Way } from './layout.js';
import { build, enter } from './network.js';
import type { GuestResult, GuestTask, Sample } from './task.js';

const FLOWS = 64;
/** Packets of each flow before any is counted. */
const WARM_UP = 20;
/** Time for the daemon to install what it has seen, ms. */
const SETTLE = 50;
/** Flows that are opened before any is counted, at least. */
const LESSON = 30_000;
/** Blocks of clients' addresses that one way's flows have for themselves. */
const BLOCKS = 64;
const KIB = 1024;
/** Time for a daemon to take over what programs have done, ms. */
const AFTERWARDS = 300;

const task = JSON.parse(process.argv[2]!) as GuestTask;
const receivers = new Map<string, Receiver>();

/** Where a way's packets are counted: behind the director, or, where none forwards, as it would. */
function receiverOf({ director, direction }: Way): Receiver {
  const [name, link] =
    director === 'base'
      ? ([host('d', director), direction === 'request' ? 'near' : 'far'] as const)
      : direction === 'request'
        ? ([host('s', director), 's0'] as const)
        : ([host('c', director), 'c0'] as const);
  let receiver = receivers.get(`${name} ${link}`);
  if (receiver === undefined) {
    receiver = new Receiver(enter(name, link));
    receivers.set(`${name} ${link}`, receiver);
  }
  return receiver;
}

/** @param block the first of the clients' addresses. */
function generatorOf(
  { director, family, direction, method = 'NAT' }: Way,
  flows: number,
  block: number,
): Generator {
  const { vips, server, clientOf } = ADDRESSES[family];
  const client = (n: number): string => clientOf(block + n);
  if (direction === 'reply') {
    const ends = { from: hardware('s0'), to: hardware('far'), client, server, port: SERVER_PORT };
    return new Generator(answers(ends, flows), enter(host('s', director), 's0'));
  }
  const [to, port] = director === 'route' ? [server, SERVER_PORT] : [vips[method], PORT];
  const ends = { from: hardware('c0'), to: hardware('near'), client, server: to, port };
  return new Generator(requests(ends, flows), enter(host('c', director), 'c0'));
}

function enterSender({ director, direction }: Way): void {
  enterNetns(host(direction === 'request' ? 'c' : 's', director));
}

/** Bytes in use of the kernel's slabs, which hold its connections. */
function slabs(): number {
  return Number(/^Slab:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) * KIB;
}

/** A way with flows that exist. */
class Established {
  readonly sample: Sample;
  readonly #way: Way;
  readonly #generator: Generator;
  readonly #receiver: Receiver;

  constructor(way: Way) {
    this.#way = way;
    this.sample = { ...way, opening: false, instructions: [], lost: 0, slow: 0 };
    this.#generator = generatorOf(way, FLOWS, 0);
    this.#receiver = receiverOf(way);
  }

  async warmUp(): Promise<void> {
    for (let i = 0; i < WARM_UP; i++) {
      enterSender(this.#way);
      this.#generator.send(FLOWS);
      if (i < 4) await sleep(SETTLE);
    }
    await sleep(SETTLE);
  }

  async measure(): Promise<void> {
    const before = await decided(this.#way.director);
    enterSender(this.#way);
    const { sent, received, nanoseconds } = await burst(this.#generator, this.#receiver, task.packets);
    this.sample.instructions.push(nanoseconds);
    this.sample.lost += sent - received;
    this.sample.slow += (await decided(this.#way.director)) - before;
  }
}

/** Opens flows, other ones in each repetition. What a daemon still has to do about them afterwards counts as well. */
async function open(way: Way): Promise<Sample> {
  const sample: Sample = { ...way, opening: true, instructions: [], lost: 0, slow: 0 };
  const threads = daemonThreads(way.director);
  let before = 0;
  for (let i = 0; i <= task.repetitions; i++) {
    // the first teaches the compiler
    const flows = i === 0 ? Math.max(task.fresh, LESSON) : task.fresh;
    const generator = generatorOf(way, flows, BLOCKS * (i + 1));
    const idle = await workFor(threads, AFTERWARDS);
    enterSender(way);
    const { sent, received, nanoseconds } = await burst(generator, receiverOf(way), flows);
    generator.close();
    const after = await workFor(threads, AFTERWARDS);
    if (i === 0) before = slabs();
    else {
      sample.instructions.push(nanoseconds + Math.max(0, after - idle) / flows);
      sample.lost += sent - received;
    }
  }
  console.log(`opened: ${way.director} ${way.method ?? ''}, IPv${way.family}`);
  // the engine's own is the business of another benchmark
  if (way.director === 'tc') return sample;
  return { ...sample, memory: (slabs() - before) / (task.repetitions * task.fresh) };
}

for (const director of task.directors) build(director);
loadModules();
for (const director of task.directors) {
  await start(director);
  console.log(`${director} is ready`);
}
giveWay();
const ways = task.ways.map((way) => new Established(way));
for (const way of ways) await way.warmUp();
for (let i = 0; i < task.repetitions; i++) {
  for (const way of ways) await way.measure();
  console.log(`repetition ${i + 1} of ${task.repetitions}`);
}
const samples = ways.map(({ sample }) => sample);
for (const way of task.opening) samples.push(await open(way));
const result: GuestResult = { kernel: release(), samples };
writeFileSync('/out/result.json', JSON.stringify(result));
process.exit(0);
