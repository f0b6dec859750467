/**
 * `open-flows.js TASK`: sends bursts of the smallest packets, each of a flow that nobody has seen, first to be dropped at the director, then to be counted
 * and dropped at the server. TASK is an {@link OpenTask} as JSON without blanks; prints {@link OpenBursts}.
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
  readonly server: Place;
  readonly to: string;
  readonly port: number;
  readonly cpu: number;
  readonly bursts: number;
  /** Flows of each burst, at most 16,384. */
  readonly flows: number;
  /** Number of the first client: each burst has one of its own. At most 65,535 of them. */
  readonly first: number;
}

/** The best burst of each kind: others use the machine, and what they take is not the way's. */
export interface OpenBursts {
  readonly dropped: Burst;
  readonly carried: Burst;
}

const task = JSON.parse(process.argv[2]!) as OpenTask;

/** Sends to where the receiver is. @param first number of the first burst's client. */
async function best(place: Place, bursts: number, first: number): Promise<Burst> {
  const to = go(task.director).address;
  const receiver = new Receiver(go(place).index);
  const { index, address } = go(task.client);
  const all: Burst[] = [];
  try {
    for (let i = 0; i < bursts; i++) {
      const number = first + i;
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
const result: OpenBursts = {
  dropped: await best(task.director, task.bursts, task.first),
  carried: await best(task.server, task.bursts, task.first),
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
