/**
 * `open-flows.js TASK`: sends bursts of the smallest packets, each of a flow that nobody has seen, to be counted and dropped at the director or at the server.
 * TASK is an {@link OpenTask} as JSON without blanks; prints the {@link Opened} that took least: others use the machine, and what they take is not the way's.
 */
import { requests } from '../burst/frames.js';
import { Generator } from '../burst/generator.js';
import { type Burst, burst } from '../burst/measure.js';
import { Receiver } from '../burst/receiver.js';
import { giveWay, pinTo } from '../burst/scheduling.js';
import { workFor } from '../support/process-use.js';
import { go, type Place } from './place.js';

/** What is to be sent. */
export interface OpenTask {
  readonly client: Place;
  readonly director: Place;
  /** Where they are counted and dropped. */
  readonly end: Place;
  /** Threads of the director that may still have to do with flows when their packets have passed. */
  readonly threads: readonly number[];
  readonly to: string;
  readonly port: number;
  readonly cpu: number;
  readonly bursts: number;
  /** Flows of each burst, at most 16,384. */
  readonly flows: number;
  /** Number of the first client: each burst has one of its own. At most 65,535 of them. */
  readonly first: number;
}

/** What opening a flow has taken. */
export interface Opened extends Burst {
  /** What the director's threads did about it afterwards, ns of processor for each. */
  readonly afterwards: number;
}

/** Time for that, ms. */
const AFTERWARDS = 250;

const task = JSON.parse(process.argv[2]!) as OpenTask;

async function best(): Promise<Opened> {
  const to = go(task.director).address;
  const receiver = new Receiver(go(task.end).index);
  const { index, address } = go(task.client);
  const all: Opened[] = [];
  try {
    for (let i = 0; i < task.bursts; i++) {
      const number = task.first + i;
      const client = (): string => `20.${(number >> 8) & 255}.${number & 255}.1`;
      const ends = { from: address, to, client, server: task.to, port: task.port };
      const generator = new Generator(requests(ends, task.flows), index);
      const idle = await workFor(task.threads, AFTERWARDS);
      const passed = await burst(generator, receiver, task.flows);
      const busy = await workFor(task.threads, AFTERWARDS);
      all.push({ ...passed, afterwards: Math.max(0, busy - idle) / task.flows });
      generator.close();
    }
  } finally {
    receiver.close();
  }
  const total = ({ nanoseconds, afterwards }: Opened): number => nanoseconds + afterwards;
  return all.reduce((a, b) => (total(b) < total(a) ? b : a));
}

pinTo(task.cpu);
giveWay();
process.stdout.write(JSON.stringify(await best()));
process.exit(0);
