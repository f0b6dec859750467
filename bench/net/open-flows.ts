/**
 * `open-flows.js TASK`: sends bursts of the smallest packets, each of a flow that nobody has seen, to be counted and dropped at the director or at the server.
 * TASK is an {@link OpenTask} as JSON without blanks; prints the {@link Burst} that took least: others use the machine, and what they take is not the way's.
 */
import { requests } from '../burst/frames.js';
import { Generator } from '../burst/generator.js';
import { type Burst, burst } from '../burst/measure.js';
import { Receiver } from '../burst/receiver.js';
import { giveWay, pinTo } from '../burst/scheduling.js';
import { go, type Place } from './place.js';

/** What is to be sent. */
export interface OpenTask {
  readonly client: Place;
  readonly director: Place;
  /** Where they are counted and dropped. */
  readonly end: Place;
  readonly to: string;
  readonly port: number;
  readonly cpu: number;
  readonly bursts: number;
  /** Flows of each burst, at most 16,384. */
  readonly flows: number;
  /** Number of the first client: each burst has one of its own. At most 65,535 of them. */
  readonly first: number;
}

const task = JSON.parse(process.argv[2]!) as OpenTask;

async function best(): Promise<Burst> {
  const to = go(task.director).address;
  const receiver = new Receiver(go(task.end).index);
  const { index, address } = go(task.client);
  const all: Burst[] = [];
  try {
    for (let i = 0; i < task.bursts; i++) {
      const number = task.first + i;
      const client = (): string => `20.${(number >> 8) & 255}.${number & 255}.1`;
      const ends = { from: address, to, client, server: task.to, port: task.port };
      const generator = new Generator(requests(ends, task.flows), index);
      all.push(await burst(generator, receiver, task.flows));
      generator.close();
    }
  } finally {
    receiver.close();
  }
  return all.reduce((a, b) => (b.nanoseconds < a.nanoseconds ? b : a));
}

pinTo(task.cpu);
giveWay();
process.stdout.write(JSON.stringify(await best()));
process.exit(0);
