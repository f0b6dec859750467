/**
 * What a way adds to each of the smallest packets: the time of one processor, on which everything runs, the director's process included, over that for
 * making a packet and dropping it at the director.
 */
import { availableParallelism } from 'node:os';
import type { Burst } from '../burst/measure.js';
import { pinTo, unpin } from '../burst/scheduling.js';
import type { NetBenchmark } from './benchmark.js';
import type { BurstTask } from './burst.js';
import type { Lab } from './lab.js';
import { addresses, DIRECT, linkTo, NFTABLES, ownName, type Path, PORTS, UDP_PATHS } from './plan.js';
import { inRounds } from './rounds.js';
import { program } from './server.js';

/** The last one: interrupts have the first. */
const CPU = availableParallelism() - 1;

export const cost: NetBenchmark = (lab, run) => {
  const bursts = run.quick ? 3 : 15;
  const targets = {
    [ownName('tc', 'NAT')]: { value: 0.4, of: NFTABLES.name, atMost: true },
    [ownName('xdp', 'NAT')]: { value: 0.15, of: NFTABLES.name, atMost: true },
  };
  return inRounds(UDP_PATHS, run, [{ metric: '', unit: 'µs', targets }], (path) => {
    // where no program is that would carry them past what counts them
    const dropped = burstsOf(lab, DIRECT, 'director', bursts);
    return [(burstsOf(lab, path, 'server', bursts).nanoseconds - dropped.nanoseconds) / 1000];
  });
};

/** Sends bursts through a way. @param end where they are counted and dropped. */
function burstsOf(
  { ns, directors }: Lab,
  { director, address }: Path,
  end: 'director' | 'server',
  bursts: number,
): Burst {
  const places = {
    director: { netns: ns.name(director), link: 'near' },
    server: { netns: ns.name('server'), link: linkTo(director) },
  };
  const task: BurstTask = {
    client: { netns: ns.name('client'), link: linkTo(director) },
    director: places.director,
    end: places[end],
    from: addresses(director).client,
    to: address,
    port: PORTS.discard,
    cpu: CPU,
    bursts,
  };
  const threads = directors.threads(director);
  for (const thread of threads) pinTo(CPU, thread);
  try {
    const text = ns.exec(
      'client',
      `timeout 60 ${process.execPath} ${program('burst')} ${JSON.stringify(task)}`,
    );
    return JSON.parse(text) as Burst;
  } finally {
    for (const thread of threads) unpin(thread);
  }
}
