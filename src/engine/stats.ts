/** `struct ip_vs_stats`: cumulative counters with their base for "zero", and the estimator's averages. */

/** Counters of the total, a service or a dest. All are exact integers; bytes are whole layer-3 packets. */
export class Stats {
  conns = 0;
  inpkts = 0;
  outpkts = 0;
  inbytes = 0;
  outbytes = 0;
  readonly est = new Estimator();
  readonly base = { conns: 0, inpkts: 0, outpkts: 0, inbytes: 0, outbytes: 0 };
  /** What user space sees: refreshed by the estimator every 2 s (`kstats`). */
  readonly kstats = { conns: 0, inpkts: 0, outpkts: 0, inbytes: 0, outbytes: 0 };
}

/** `struct ip_vs_estimator`: last totals and averages (conns and packets scaled by 2^10, bytes by 2^5). */
export class Estimator {
  lastConns = 0;
  lastInpkts = 0;
  lastOutpkts = 0;
  lastInbytes = 0;
  lastOutbytes = 0;
  cps = 0;
  inpps = 0;
  outpps = 0;
  inbps = 0;
  outbps = 0;
}

/** The ten numbers of a listing. */
export interface StatsView {
  conns: number;
  inpkts: number;
  outpkts: number;
  inbytes: number;
  outbytes: number;
  cps: number;
  inpps: number;
  outpps: number;
  inbps: number;
  outbps: number;
}
