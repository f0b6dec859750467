/** `ip_vs_est.c`: rates from counters, each two seconds, in the kernel's integer arithmetic. */
import type { NetnsIpvs } from './netns-ipvs.js';
import type { Stats, StatsView } from './stats.js';

/** Seconds between two samples. */
export const EST_PERIOD = 2;

/** Samples everything (`estimation_timer`). */
export function estimate(ipvs: NetnsIpvs): void {
  if (ipvs.sysctls.values.run_estimation === 0) return;
  ipvs.fastPath?.fold();
  sample(ipvs.totStats);
  for (const svc of ipvs.services) {
    sample(svc.stats);
    for (const dest of svc.destinations) sample(dest.stats);
  }
}

/** Takes one sample: user space sees the counters as they are now, and the averages move a quarter of the way. */
export function sample(s: Stats): void {
  const k = s.kstats;
  const e = s.est;
  k.conns = s.conns;
  k.inpkts = s.inpkts;
  k.outpkts = s.outpkts;
  k.inbytes = s.inbytes;
  k.outbytes = s.outbytes;
  // per second is half of what two seconds brought; scaled by 2^10 for counts and 2^5 for bytes
  e.cps = towards(e.cps, (k.conns - e.lastConns) * 512);
  e.inpps = towards(e.inpps, (k.inpkts - e.lastInpkts) * 512);
  e.outpps = towards(e.outpps, (k.outpkts - e.lastOutpkts) * 512);
  e.inbps = towards(e.inbps, (k.inbytes - e.lastInbytes) * 16);
  e.outbps = towards(e.outbps, (k.outbytes - e.lastOutbytes) * 16);
  e.lastConns = k.conns;
  e.lastInpkts = k.inpkts;
  e.lastOutpkts = k.outpkts;
  e.lastInbytes = k.inbytes;
  e.lastOutbytes = k.outbytes;
}

/** avg + ((rate - avg) >> 2), the shift being arithmetic on 64 bits. */
function towards(average: number, rate: number): number {
  return average + Math.floor((rate - average) / 4);
}

/** What a listing shows (`ip_vs_copy_stats`): counters since the last "zero", rates a second. */
export function statsView(s: Stats): StatsView {
  const k = s.kstats;
  const b = s.base;
  const e = s.est;
  return {
    conns: k.conns - b.conns,
    inpkts: k.inpkts - b.inpkts,
    outpkts: k.outpkts - b.outpkts,
    inbytes: k.inbytes - b.inbytes,
    outbytes: k.outbytes - b.outbytes,
    cps: Math.floor((e.cps + 511) / 1024),
    inpps: Math.floor((e.inpps + 511) / 1024),
    outpps: Math.floor((e.outpps + 511) / 1024),
    inbps: Math.floor((e.inbps + 15) / 32),
    outbps: Math.floor((e.outbps + 15) / 32),
  };
}

/** Counters read 0 from now on, and the averages begin anew (`ip_vs_zero_stats`). */
export function zeroStats(s: Stats): void {
  Object.assign(s.base, s.kstats);
  const e = s.est;
  e.cps = 0;
  e.inpps = 0;
  e.outpps = 0;
  e.inbps = 0;
  e.outbps = 0;
}
