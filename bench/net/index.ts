/** The network benchmarks, by name. */
import { skipReason } from '../../test/e2e/namespaces.js';
import type { Effort, NetBenchmark, NetFigure, Section } from './benchmark.js';
import { connections } from './connections.js';
import { cost } from './cost.js';
import { Lab } from './lab.js';
import { latency } from './latency.js';
import { newFlows } from './new-flows.js';
import { packets } from './packets.js';
import { netTable } from './report.js';
import { tcp } from './tcp.js';

/** A benchmark with what it shows above its table. */
export interface NetEntry {
  readonly title: string;
  readonly measure: NetBenchmark;
}

export const NET_BENCHMARKS: Readonly<Record<string, NetEntry>> = {
  tcp: { title: 'TCP throughput, one stream', measure: tcp },
  cost: { title: 'What each 60-byte packet costs, over making and dropping it', measure: cost },
  packets: { title: 'Packets of 64 bytes through the director', measure: packets },
  connections: { title: 'Short TCP connections, one HTTP request each, none failed', measure: connections },
  flows: { title: 'New UDP flows, one packet of each', measure: newFlows },
  latency: { title: 'Round trip of 64 bytes over an open TCP connection', measure: latency },
};

/** How the table and the picture of a benchmark are headed. */
export function section(name: string, figures: readonly NetFigure[], { rounds }: Effort): Section {
  const spread = `median of ${rounds} round${rounds === 1 ? '' : 's'}`;
  return { title: `${NET_BENCHMARKS[name]!.title} (${spread})`, figures, reference: 'direct' };
}

/**
 * Runs the named benchmarks in one laboratory and shows each as it ends.
 * @throws where namespaces cannot be made, or when a measurement failed; everything has been removed then.
 */
export async function runNet(names: readonly string[], effort: Effort): Promise<Record<string, NetFigure[]>> {
  const reason = skipReason('iperf3', 'nft', 'haproxy', 'nginx', 'ab', 'curl', 'ethtool', 'timeout');
  if (reason !== false) throw new Error(`network benchmarks: ${reason}`);
  const lab = new Lab();
  const interruption = new AbortController();
  const stop = (): void => interruption.abort(new Error('interrupted'));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const results: Record<string, NetFigure[]> = {};
  try {
    await lab.open();
    for (const name of names) {
      const { measure } = NET_BENCHMARKS[name]!;
      results[name] = await measure(lab, { ...effort, signal: interruption.signal });
      process.stdout.write(`\n${netTable(section(name, results[name], effort))}`);
    }
    return results;
  } finally {
    await lab.close();
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}
