/** What it takes to open UDP flows: of each a single packet comes. On one processor, the director's process included, and with all of them. */
import { availableParallelism } from 'node:os';
import { pinTo, unpin } from '../burst/scheduling.js';
import type { NetBenchmark } from './benchmark.js';
import type { Lab } from './lab.js';
import type { Opened, OpenTask } from './open-flows.js';
import { DIRECT, linkTo, ownName, type Path, PORTS, UDP_PATHS } from './plan.js';
import { inRounds } from './rounds.js';
import { program } from './server.js';

/** The last one: interrupts have the first. */
const CPU = availableParallelism() - 1;
/** Flows of a burst. */
const FLOWS = 8000;

export const newFlows: NetBenchmark = (lab, run) => {
  const bursts = run.quick ? 2 : 4;
  let first = 0;
  const next = (): number => {
    first += bursts;
    return first;
  };
  const metrics = [
    { metric: 'one processor, over making and dropping a packet', unit: 'µs' },
    {
      metric: 'as many offered as can be',
      unit: 'flows/s',
      targets: { [ownName('tc', 'NAT')]: { value: 200_000 } },
    },
  ] as const;
  return inRounds(UDP_PATHS, run, metrics, (path) => {
    const threads = lab.directors.threads(path.director);
    for (const thread of threads) pinTo(CPU, thread);
    let alone: Opened;
    let dropped: Opened;
    try {
      // counted where no program is that would take them first
      dropped = open(lab, DIRECT, 'director', bursts, next());
      alone = open(lab, path, 'server', bursts, next());
    } finally {
      for (const thread of threads) unpin(thread);
    }
    const many = open(lab, path, 'server', bursts, next());
    // with several processors the slower part decides
    const rate = 1e9 / Math.max(many.nanoseconds, many.afterwards);
    return [(alone.nanoseconds + alone.afterwards - dropped.nanoseconds) / 1000, rate];
  });
};

/** @param end where its packet is counted and dropped. @param first number of the first client. */
function open(
  { ns, directors }: Lab,
  { director, address }: Path,
  end: 'director' | 'server',
  bursts: number,
  first: number,
): Opened {
  const places = {
    director: { netns: ns.name(director), link: 'near' },
    server: { netns: ns.name('server'), link: linkTo(director) },
  };
  const task: OpenTask = {
    client: { netns: ns.name('client'), link: linkTo(director) },
    director: places.director,
    end: places[end],
    threads: directors.threads(director),
    to: address,
    port: PORTS.discard,
    cpu: CPU,
    bursts,
    flows: FLOWS,
    first,
  };
  const command = `timeout 60 ${process.execPath} ${program('open-flows')} ${JSON.stringify(task)}`;
  return JSON.parse(ns.exec('client', command)) as Opened;
}
