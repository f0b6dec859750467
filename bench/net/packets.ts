/** The highest rate of the smallest packets of which less than one in a hundred is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetBenchmark } from './benchmark.js';
import type { Offered } from './flood.js';
import type { Lab } from './lab.js';
import { DIRECTORS, linkTo, ownName, type Path, PORTS, UDP_PATHS } from './plan.js';
import { inRounds } from './rounds.js';
import { arrived, program } from './server.js';

/** Loss that is none. */
const LOSS = 0.01;
/** The search ends when it knows the rate to so much. */
const RESOLUTION = 1.05;
const MOST_STEPS = 10;
const ATTEMPTS = 3;
/** What is on its way when the sender ends, ms. */
const SETTLE = 100;
/** What links begin with. */
const GSO_MAX_SEGS = 65_535;

/** Packets a second. */
interface Trial {
  readonly offered: number;
  readonly received: number;
}

export const packets: NetBenchmark = async (lab, run) => {
  const milliseconds = run.quick ? 200 : 500;
  const metrics = [
    {
      metric: 'less than 1 % lost',
      unit: 'packets/s',
      targets: { [ownName('engine', 'NAT')]: { value: 150_000 } },
    },
    { metric: 'received, too many offered', unit: 'packets/s' },
  ] as const;
  cutAtOnce(lab, 1);
  try {
    // programs along the way are compiled while they run
    for (const path of UDP_PATHS) await trial(lab, path, 0, milliseconds);
    return await inRounds(UDP_PATHS, run, metrics, (path) => search(lab, path, milliseconds));
  } finally {
    cutAtOnce(lab, GSO_MAX_SEGS);
  }
};

/** The client's links cut what holds more than `segments` datagrams, as a network card does. */
function cutAtOnce({ ns }: Lab, segments: number): void {
  for (const director of DIRECTORS) ns.ip('client', `link set ${linkTo(director)} gso_max_segs ${segments}`);
}

/** The highest rate without loss, and what arrives when as many are sent as can be. */
async function search(lab: Lab, path: Path, milliseconds: number): Promise<[number, number]> {
  const flood = await trial(lab, path, 0, milliseconds);
  if (isWhole(flood)) return [flood.received, flood.received];
  let best = 0;
  let bad = flood.offered;
  let rate = flood.received;
  for (let step = 0; step < MOST_STEPS && bad > best * RESOLUTION; step++) {
    const result = await attempts(lab, path, rate, milliseconds);
    if (!isWhole(result)) bad = rate;
    else {
      best = Math.max(best, result.received);
      // it could not send as many as it was to: there is no more to find
      if (result.offered < rate * 0.9) break;
    }
    rate = best === 0 ? bad / 1.5 : Math.sqrt(best * bad);
  }
  return [best, flood.received];
}

/** Tries a rate until it passes: others use the machine too, and what fails once may have had bad luck. */
async function attempts(lab: Lab, path: Path, rate: number, milliseconds: number): Promise<Trial> {
  let result = await trial(lab, path, rate, milliseconds);
  for (let i = 1; i < ATTEMPTS && !isWhole(result); i++) result = await trial(lab, path, rate, milliseconds);
  return result;
}

function isWhole({ offered, received }: Trial): boolean {
  return received >= offered * (1 - LOSS);
}

/** @param rate 0 for as many as can be sent. */
async function trial({ ns }: Lab, { address }: Path, rate: number, milliseconds: number): Promise<Trial> {
  const before = arrived(ns);
  const command = `${process.execPath} ${program('flood')} ${address} ${PORTS.discard} ${Math.round(rate)} ${milliseconds}`;
  const { sent, seconds } = JSON.parse(ns.exec('client', `timeout 20 ${command}`)) as Offered;
  await sleep(SETTLE);
  return { offered: sent / seconds, received: (arrived(ns) - before) / seconds };
}
