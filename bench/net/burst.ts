/**
 * `burst.js TASK`: sends bursts of the smallest packets on one processor, with the lowest priority, to be counted and dropped at the director or at the
 * server. TASK is a {@link BurstTask} as JSON without blanks; prints the {@link Burst} that took least: others use the machine, and what they take is not the way's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { enterNetns } from '../../src/linux/netns.js';
import { requests } from '../burst/frames.js';
import { Generator } from '../burst/generator.js';
import { type Burst, burst } from '../burst/measure.js';
import { Receiver } from '../burst/receiver.js';
import { giveWay, pinTo } from '../burst/scheduling.js';
import { go, type Place } from './place.js';

/** What is to be sent. */
export interface BurstTask {
  readonly client: Place;
  readonly director: Place;
  /** Where they are counted and dropped. */
  readonly end: Place;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly cpu: number;
  readonly bursts: number;
}

const FLOWS = 64;
/** Packets before any is counted: connections become established, programs are compiled. */
const WARM_UP = 4096;
/** Time for a daemon to install what it has seen, ms. */
const SETTLE = 50;
/** Packets of a burst: over before others have their turn, if the machine has anything to spare. */
const COUNT = 20_000;

async function timed(generator: Generator, place: Place): Promise<Burst> {
  const receiver = new Receiver(go(place).index);
  enterNetns(task.client.netns);
  try {
    for (const packets of [FLOWS, FLOWS, WARM_UP]) {
      generator.send(packets);
      await sleep(SETTLE);
    }
    const all: Burst[] = [];
    for (let i = 0; i < task.bursts; i++) all.push(await burst(generator, receiver, COUNT));
    const whole = all.filter(({ sent, received }) => sent === received);
    if (whole.length === 0)
      throw new Error(`packets to ${task.to} did not all arrive, in any of ${task.bursts} bursts`);
    return whole.reduce((a, b) => (b.nanoseconds < a.nanoseconds ? b : a));
  } finally {
    receiver.close();
  }
}

const task = JSON.parse(process.argv[2]!) as BurstTask;
pinTo(task.cpu);
giveWay();
const to = go(task.director).address;
const { index, address } = go(task.client);
const ends = { from: address, to, client: () => task.from, server: task.to, port: task.port };
const generator = new Generator(requests(ends, FLOWS), index);
process.stdout.write(JSON.stringify(await timed(generator, task.end)));
process.exit(0);
