/**
 * The short way for nearly all packets: IPv4 without options or IPv6 without extension headers, TCP or UDP, of a connection that exists, by
 * NAT or direct routing. established4.ts and established6.ts each do in one function what core.ts, xmit.ts, out-route.ts and nat-checksum.ts
 * do in many, three times as fast. Whatever is not quite ordinary is left to those, untouched; a test holds that both ways give the same.
 *
 * Here is what they share. That is little: V8 does not inline larger pieces into functions of that size, and the two calls cost up to a tenth of
 * a packet's time.
 */
import * as layout from './conn-layout.js';
import type { Dest } from './dest.js';
import * as connFlags from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';

// see conn-layout.ts
const { C_CONTROL, C_EXPIRES, C_TIMEOUT, HOT_SHIFT } = layout;

/** Not for the short way; nothing was changed. */
export const LONG_WAY = -1;

/** Connections with these need more than a rewrite. */
export const SPECIAL: number =
  connFlags.CONN_F_NO_CPORT | connFlags.CONN_F_SEQ_MASK | connFlags.CONN_F_NFCT | connFlags.CONN_F_APP;

/** A packet of a client: counted as `inStats` does. */
export function countIn(ipvs: NetnsIpvs, dest: Dest, bytes: number): void {
  dest.stats.inpkts++;
  dest.stats.inbytes += bytes;
  const svc = dest.svc;
  if (svc !== null) {
    svc.stats.inpkts++;
    svc.stats.inbytes += bytes;
  }
  ipvs.totStats.inpkts++;
  ipvs.totStats.inbytes += bytes;
}

/** A packet of a real server: counted as `outStats` does. */
export function countOut(ipvs: NetnsIpvs, dest: Dest, bytes: number): void {
  dest.stats.outpkts++;
  dest.stats.outbytes += bytes;
  const svc = dest.svc;
  if (svc !== null) {
    svc.stats.outpkts++;
    svc.stats.outbytes += bytes;
  }
  ipvs.totStats.outpkts++;
  ipvs.totStats.outbytes += bytes;
}

/** The connection's timer starts anew, as `connPut` says. */
export function touch(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const expires = (ipvs.net.jiffies + hot[h + C_TIMEOUT]!) | 0;
  const sooner = ((expires - hot[h + C_EXPIRES]!) | 0) < 0;
  hot[h + C_EXPIRES] = expires;
  if (sooner || hot[h + C_CONTROL] !== 0) ipvs.connTimers.set(c, expires);
}
