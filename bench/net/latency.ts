/** Round trips of small requests over one TCP connection, one at a time with a pause between them. */
import type { NetBenchmark } from './benchmark.js';
import type { RoundTrips } from './ping.js';
import { PATHS, PORTS } from './plan.js';
import { inRounds } from './rounds.js';
import { program } from './server.js';

export const latency: NetBenchmark = ({ ns }, run) => {
  const count = run.quick ? 1000 : 5000;
  const metrics = ['p50', 'p99', 'p99.9'].map((metric) => ({ metric, unit: 'µs' }));
  return inRounds(PATHS, run, metrics, ({ address }) => {
    const command = `timeout 30 ${process.execPath} ${program('ping')} ${address} ${PORTS.echo} ${count}`;
    const { p50, p99, p999 } = JSON.parse(ns.exec('client', command)) as RoundTrips;
    return [p50, p99, p999];
  });
};
