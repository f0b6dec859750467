/** Counting packets and connections (`ip_vs_in_stats`, `ip_vs_out_stats`, `ip_vs_conn_stats`). */
import { C_DEST, HOT_SHIFT } from './conn-table.js';
import type { Dest } from './dest.js';
import { DEST_F_AVAILABLE } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { Service } from './service.js';
import type { Stats } from './stats.js';

/** A packet of a client: counted for dest, service and total while the dest is in use. */
export function inStats(ipvs: NetnsIpvs, c: number, bytes: number): void {
  const index = ipvs.conns.hot[(c << HOT_SHIFT) + C_DEST]!;
  if (index === 0) return;
  const dest = ipvs.dests[index - 1]!;
  if ((dest.flags & DEST_F_AVAILABLE) === 0) return;
  countIn(dest.stats, bytes);
  if (dest.svc !== null) countIn(dest.svc.stats, bytes);
  countIn(ipvs.totStats, bytes);
}

/** A packet of a real server, likewise. */
export function outStats(ipvs: NetnsIpvs, c: number, bytes: number): void {
  const index = ipvs.conns.hot[(c << HOT_SHIFT) + C_DEST]!;
  if (index === 0) return;
  const dest = ipvs.dests[index - 1]!;
  if ((dest.flags & DEST_F_AVAILABLE) === 0) return;
  countOut(dest.stats, bytes);
  if (dest.svc !== null) countOut(dest.svc.stats, bytes);
  countOut(ipvs.totStats, bytes);
}

/** What the fast path has carried from clients to a dest, and back. */
export function carriedStats(
  ipvs: NetnsIpvs,
  dest: Dest,
  inpkts: number,
  inbytes: number,
  outpkts: number,
  outbytes: number,
): void {
  if ((dest.flags & DEST_F_AVAILABLE) === 0) return;
  for (const stats of [dest.stats, dest.svc?.stats, ipvs.totStats]) {
    if (stats === undefined) continue;
    stats.inpkts += inpkts;
    stats.inbytes += inbytes;
    stats.outpkts += outpkts;
    stats.outbytes += outbytes;
  }
}

/** A connection was opened. */
export function connStats(ipvs: NetnsIpvs, dest: Dest, svc: Service): void {
  dest.stats.conns++;
  svc.stats.conns++;
  ipvs.totStats.conns++;
}

function countIn(s: Stats, bytes: number): void {
  s.inpkts++;
  s.inbytes += bytes;
}

function countOut(s: Stats, bytes: number): void {
  s.outpkts++;
  s.outbytes += bytes;
}
