/** TCP throughput of one stream, by iperf3. */
import type { NetBenchmark } from './benchmark.js';
import { IPVSD_NAT, PATHS, PORTS } from './plan.js';
import { inRounds } from './rounds.js';

interface IperfReport {
  readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
  readonly error?: string;
}

export const tcp: NetBenchmark = ({ ns }, run) => {
  const seconds = run.quick ? 1 : 3;
  const metric = {
    metric: '',
    unit: 'Gbit/s',
    targets: { [IPVSD_NAT.name]: { value: 0.8, of: 'direct' } },
  } as const;
  return inRounds(PATHS, run, [metric], ({ address }) => {
    const command = `timeout ${seconds + 10} iperf3 -J -t ${seconds} -O 0.5 -p ${PORTS.iperf} -c ${address}`;
    const report = JSON.parse(ns.exec('client', command)) as IperfReport;
    if (report.end.sum_received === undefined) throw new Error(`iperf3 to ${address}: ${report.error}`);
    return [report.end.sum_received.bits_per_second / 1e9];
  });
};
