/** Short TCP connections: one HTTP request each, by ApacheBench. Every single one has to be answered. */
import type { NetBenchmark } from './benchmark.js';
import type { Lab } from './lab.js';
import { NFTABLES, ownName, PATHS, PORTS } from './plan.js';
import { inRounds } from './rounds.js';

const AT_A_TIME = [1, 32, 256];

export const connections: NetBenchmark = ({ ns }, run) => {
  const count = run.quick ? 1000 : 10_000;
  const targets = { [ownName('tc', 'NAT')]: { value: 1, of: NFTABLES.name } };
  const metrics = AT_A_TIME.map((n) => ({ metric: `${n} at a time`, unit: 'conn/s', targets }));
  return inRounds(PATHS, run, metrics, ({ address }) => AT_A_TIME.map((n) => rate(ns, address, count, n)));
};

/** @throws when one of the connections failed. */
function rate(ns: Lab['ns'], address: string, count: number, atATime: number): number {
  const url = `http://${address}:${PORTS.http}/`;
  // ends with an error of its own when a connection is reset, and after five seconds without an answer
  const text = ns.exec('client', `timeout 60 ab -q -s 5 -n ${count} -c ${atATime} ${url}`);
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
  const failed = field('Failed requests') + field('Non-2xx responses');
  if (failed > 0 || field('Complete requests') !== count) {
    throw new Error(`${failed} of ${count} connections to ${address} failed:\n${text}`);
  }
  return field('Requests per second');
}
