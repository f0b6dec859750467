/** When a connection is told to the backups (`ip_vs_sync_conn_needed`). */
import { C_CONTROL, C_FLAGS, C_STATE, C_TIMEOUT, HOT_SHIFT, NO_CONN } from '../conn-table.js';
import { CONN_F_TEMPLATE, IPPROTO_SCTP, IPPROTO_TCP } from '../flags.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import {
  SCTP_S_CLOSED,
  SCTP_S_ESTABLISHED,
  SCTP_S_SHUTDOWN_ACK_SENT,
  SCTP_S_SHUTDOWN_RECEIVED,
  SCTP_S_SHUTDOWN_SENT,
} from '../sctp-states.js';
import {
  TCP_S_CLOSE,
  TCP_S_CLOSE_WAIT,
  TCP_S_ESTABLISHED,
  TCP_S_FIN_WAIT,
  TCP_S_TIME_WAIT,
} from '../tcp-states.js';

/** States that a backup can go on from, as bits. */
const TCP_TOLD =
  (1 << TCP_S_ESTABLISHED) |
  (1 << TCP_S_FIN_WAIT) |
  (1 << TCP_S_CLOSE) |
  (1 << TCP_S_CLOSE_WAIT) |
  (1 << TCP_S_TIME_WAIT);
const SCTP_TOLD =
  (1 << SCTP_S_ESTABLISHED) |
  (1 << SCTP_S_SHUTDOWN_SENT) |
  (1 << SCTP_S_SHUTDOWN_RECEIVED) |
  (1 << SCTP_S_SHUTDOWN_ACK_SENT) |
  (1 << SCTP_S_CLOSED);

/** Seconds: an end that has moved by less is not told, whatever the refresh period. */
const LEAST_CHANGE = 10;
/** The two low bits of `sync_endtime` count the retries. */
const RETRIES = 3;

/**
 * Decides, and remembers what is told now.
 * @param pkts packets of the connection so far; of a template, of what it controls.
 * @param now jiffies.
 */
export function syncNeeded(ipvs: NetnsIpvs, c: number, pkts: number, now: number): boolean {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const word = hot[h + C_STATE]!;
  const state = word & 0xffff;
  const template = (hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0;
  const timeout = hot[h + C_TIMEOUT]!;
  let endtime = (now + timeout) & ~RETRIES;
  if (!template) {
    if (ipvs.sysctls.values.sync_persist_mode !== 0 && inPersistence(ipvs, c)) return false;
    const told = toldStates(ipvs, c);
    if (told !== 0 && (told & (1 << state)) === 0) return false;
    if (hasUntoldState(ipvs, c)) {
      remember(ipvs, c, state, endtime);
      return true;
    }
  }
  // a negative period is a very long one
  const period = (ipvs.sysctls.values.sync_refresh_period * ipvs.net.hz) >>> 0;
  if (period > 0) {
    const retries = mayRefresh(ipvs, c, endtime, timeout, period, now);
    if (retries < 0) return false;
    endtime |= retries;
  }
  if (!due(ipvs, template, pkts, period > 0)) return false;
  remember(ipvs, c, state, endtime);
  return true;
}

/** Of the connection's protocol; 0 where none matters. */
function toldStates({ conns }: NetnsIpvs, c: number): number {
  const protocol = conns.protocol(c);
  return protocol === IPPROTO_TCP ? TCP_TOLD : protocol === IPPROTO_SCTP ? SCTP_TOLD : 0;
}

/** The connection, which is no template, has come into a state that its client's next packet tells of, whatever its number. */
export function hasUntoldState(ipvs: NetnsIpvs, c: number): boolean {
  const word = ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]!;
  const state = word & 0xffff;
  if ((toldStates(ipvs, c) & (1 << state)) === 0 || state === word >>> 16) return false;
  return state !== (ipvs.conns.protocol(c) === IPPROTO_TCP ? TCP_S_ESTABLISHED : SCTP_S_ESTABLISHED);
}

/** A template controls it, or controls what controls it. */
function inPersistence(ipvs: NetnsIpvs, c: number): boolean {
  const hot = ipvs.conns.hot;
  for (let ct = hot[(c << HOT_SHIFT) + C_CONTROL]! - 1; ct !== NO_CONN; ) {
    if ((hot[(ct << HOT_SHIFT) + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) return true;
    ct = hot[(ct << HOT_SHIFT) + C_CONTROL]! - 1;
  }
  return false;
}

/** Retries to be remembered, 0 when the end has moved far enough; -1 when it is too early to tell it again. */
function mayRefresh(
  ipvs: NetnsIpvs,
  c: number,
  endtime: number,
  timeout: number,
  period: number,
  now: number,
): number {
  const before = ipvs.conns.syncEndtime(c);
  const least = Math.min(period, Math.max(timeout >>> 1, LEAST_CHANGE * ipvs.net.hz));
  if (Math.abs((endtime - before) | 0) >= least) return 0;
  const retries = before & RETRIES;
  if (retries >= ipvs.sysctls.values.sync_retries) return -1;
  const earliest = (before - timeout + (period >>> 3)) | 0;
  return ((now - earliest) | 0) < 0 ? -1 : retries + 1;
}

/** The packet is one of those that `sync_threshold` names. */
function due(ipvs: NetnsIpvs, template: boolean, pkts: number, refreshing: boolean): boolean {
  const { sync_threshold } = ipvs.sysctls.values;
  const { syncPeriod } = ipvs.sysctls;
  if (syncPeriod > 0) return template || pkts % syncPeriod === sync_threshold;
  return refreshing || pkts === sync_threshold;
}

function remember(ipvs: NetnsIpvs, c: number, state: number, endtime: number): void {
  ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE] = (state << 16) | state;
  ipvs.conns.setSyncEndtime(c, endtime);
}
