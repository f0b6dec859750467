/** TCP throughput of one stream, by iperf3, and what it takes of all processors. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetBenchmark } from './benchmark.js';
import { ownName, PATHS, PORTS } from './plan.js';
import { busySeconds } from './processors.js';
import { inRounds } from './rounds.js';

interface IperfReport {
  readonly end: { readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number } };
  readonly error?: string;
}

const ATTEMPTS = 5;
const PAUSE = 1000;
const GIGABIT = 1e9 / 8;

export const tcp: NetBenchmark = ({ ns }, run) => {
  const seconds = run.quick ? 1 : 3;
  const metrics = [
    {
      metric: '',
      unit: 'Gbit/s',
      targets: {
        [ownName('engine', 'NAT')]: { value: 0.8, of: 'direct' },
        [ownName('tc', 'NAT')]: { value: 0.95, of: 'direct' },
      },
    },
    { metric: 'processor time for a gigabit, client and server included', unit: 'ms' },
  ];
  return inRounds(PATHS, run, metrics, async ({ address }) => {
    const command = `timeout ${seconds + 10} iperf3 -J -t ${seconds} -p ${PORTS.iperf} -c ${address}`;
    for (let attempt = 1; ; attempt++) {
      const before = busySeconds();
      const { end, error } = JSON.parse(ns.exec('client', command)) as IperfReport;
      const busy = busySeconds() - before;
      const received = end.sum_received;
      if (received !== undefined)
        return [received.bits_per_second / 1e9, (busy * 1000) / (received.bytes / GIGABIT)];
      if (attempt === ATTEMPTS) throw new Error(`iperf3 to ${address}: ${error}`);
      // the server has not done with the one before
      await sleep(PAUSE);
    }
  });
};
