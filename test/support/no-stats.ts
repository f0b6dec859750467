import type { StatsView } from '../../src/engine/stats.js';

/** Counters of something that has seen no packet. */
export const NO_STATS: StatsView = {
  conns: 0,
  inpkts: 0,
  outpkts: 0,
  inbytes: 0,
  outbytes: 0,
  cps: 0,
  inpps: 0,
  outpps: 0,
  inbps: 0,
  outbps: 0,
};
