/** Operations on one connection (`ip_vs_conn.c`): made, bound to its dest, kept alive, ended. */
import type { Family } from '../wire/inet.js';
import { unbindApp } from './app.js';
import {
  C_CONTROL,
  C_DEST,
  C_EXPIRES,
  C_FLAGS,
  C_FWMARK,
  C_NCONTROL,
  C_PORTS,
  C_STATE,
  C_TIMEOUT,
  type ConnKey,
  HOT_SHIFT,
  NO_CONN,
} from './conn-table.js';
import { dropConntrack } from './conntrack.js';
import { DEBUG_BIND, debugConn } from './debug.js';
import type { Dest } from './dest.js';
import {
  CONN_F_APP,
  CONN_F_CARRIED,
  CONN_F_DEST_MASK,
  CONN_F_FWD_MASK,
  CONN_F_INACTIVE,
  CONN_F_NFCT,
  CONN_F_NO_CPORT,
  CONN_F_NOOUTPUT,
  CONN_F_ONE_PACKET,
  CONN_F_SYNC,
  CONN_F_TEMPLATE,
  DEST_F_OVERLOAD,
  IPPROTO_UDP,
} from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { SYNC_STATE_MASTER } from './sync/daemon.js';
import { syncConn } from './sync/master.js';

/** A template whose connection has proved real (`IP_VS_CTPL_S_ASSURED`), a bit of its state. */
export const CTPL_S_ASSURED = 1;

/** Seconds a new connection lives until its first state. */
const NEW_TIMEOUT = 3;
/** Seconds by which a connection that others depend on is prolonged. */
const BUSY_TIMEOUT = 60;

/**
 * Makes a connection and hashes it, unless it is a one-packet one (`ip_vs_conn_new`).
 * @param daddr,dport where its packets go.
 * @returns its index, or `NO_CONN` when the table is full.
 */
export function connNew(
  ipvs: NetnsIpvs,
  key: ConnKey,
  dfamily: Family,
  daddr: Int32Array,
  dport: number,
  flags: number,
  dest: Dest | null,
  fwmark: number,
): number {
  const t = ipvs.conns;
  const c = t.alloc();
  if (c === NO_CONN) {
    ipvs.connRefused++;
    return NO_CONN;
  }
  const h = c << HOT_SHIFT;
  t.setKey(c, key);
  t.setDest(c, dfamily, daddr, dport);
  t.hot[h + C_FLAGS] = flags;
  t.hot[h + C_FWMARK] = fwmark;
  t.hot[h + C_TIMEOUT] = NEW_TIMEOUT * ipvs.net.hz;
  if (ipvs.syncState !== 0) t.setSyncEndtime(c, ipvs.net.jiffies & ~3);
  if ((flags & CONN_F_NO_CPORT) !== 0) t.noCport++;
  if (dest !== null) bindDest(ipvs, c, dest);
  const pd = ipvs.protoData[key.protocol];
  if (pd !== undefined && pd.appcnt > 0) pd.pp.appConnBind?.(ipvs, c, pd);
  if (ipvs.sysctls.values.conntrack !== 0) t.hot[h + C_FLAGS] = t.hot[h + C_FLAGS]! | CONN_F_NFCT;
  if ((t.hot[h + C_FLAGS]! & CONN_F_ONE_PACKET) === 0) {
    t.hash(c);
    t.hot[h + C_EXPIRES] = (ipvs.net.jiffies + t.hot[h + C_TIMEOUT]!) | 0;
    ipvs.connTimers.set(c, t.hot[h + C_EXPIRES]!);
  }
  if (ipvs.onConn !== undefined) ipvs.onConn(true, c);
  return c;
}

/** Binds a connection to its dest, which from then on counts it (`ip_vs_bind_dest`). */
export function bindDest(ipvs: NetnsIpvs, c: number, dest: Dest): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  let inherited = dest.connFlags;
  let flags = hot[h + C_FLAGS]!;
  if ((flags & CONN_F_SYNC) !== 0) {
    // the message has told how it is counted; only the method, and what follows from it, is ours
    if ((flags & CONN_F_TEMPLATE) === 0) inherited &= ~CONN_F_INACTIVE;
    flags &= ~(CONN_F_FWD_MASK | CONN_F_NOOUTPUT);
    inherited &= CONN_F_DEST_MASK | CONN_F_INACTIVE | CONN_F_NOOUTPUT;
  }
  if (ipvs.conns.protocol(c) !== IPPROTO_UDP || (flags & CONN_F_TEMPLATE) !== 0)
    inherited &= ~CONN_F_ONE_PACKET;
  flags |= inherited;
  hot[h + C_FLAGS] = flags;
  hot[h + C_DEST] = dest.index + 1;
  dest.refcnt++;
  if (ipvs.debugLevel >= DEBUG_BIND) debugConn(ipvs, c, 'Bind-dest');
  if ((flags & CONN_F_TEMPLATE) !== 0) {
    dest.persistconns++;
    return;
  }
  if ((flags & CONN_F_INACTIVE) === 0) dest.activeconns++;
  dest.totalconns++;
  if (dest.uThreshold !== 0 && dest.totalconns >= dest.uThreshold) dest.flags |= DEST_F_OVERLOAD;
}

/** The dest stops counting it (`ip_vs_unbind_dest`). */
function unbindDest(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const dest = destOf(ipvs, c);
  if (dest === null) return;
  if (ipvs.debugLevel >= DEBUG_BIND) debugConn(ipvs, c, 'Unbind-dest');
  const flags = hot[h + C_FLAGS]!;
  hot[h + C_DEST] = 0;
  dest.refcnt--;
  if ((flags & CONN_F_TEMPLATE) !== 0) {
    dest.persistconns--;
    return;
  }
  if ((flags & CONN_F_INACTIVE) === 0) dest.activeconns--;
  dest.totalconns--;
  if (dest.lThreshold !== 0) {
    if (dest.totalconns < dest.lThreshold) dest.flags &= ~DEST_F_OVERLOAD;
  } else if (dest.uThreshold === 0 || dest.totalconns * 4 < dest.uThreshold * 3) {
    dest.flags &= ~DEST_F_OVERLOAD;
  }
}

/** The dest of a connection, or null. */
export function destOf(ipvs: NetnsIpvs, c: number): Dest | null {
  const index = ipvs.conns.hot[(c << HOT_SHIFT) + C_DEST]!;
  return index === 0 ? null : ipvs.dests[index - 1]!;
}

/**
 * Sets how long a connection lives after each packet, in jiffies. When that is shorter than before, the timer must not wait for the coarser
 * tick of the longer time.
 */
export function connSetTimeout(ipvs: NetnsIpvs, c: number, timeout: number): void {
  const hot = ipvs.conns.hot;
  const h = (c << HOT_SHIFT) + C_TIMEOUT;
  if (timeout < hot[h]!) ipvs.connTimers.set(c, (ipvs.net.jiffies + timeout) | 0);
  hot[h] = timeout;
}

/** Ends the use of a connection by a packet: its timer starts anew, and a one-packet connection is gone (`ip_vs_conn_put`). */
export function connPut(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  if ((hot[h + C_FLAGS]! & CONN_F_ONE_PACKET) !== 0) {
    remove(ipvs, c);
    return;
  }
  const expires = (ipvs.net.jiffies + hot[h + C_TIMEOUT]!) | 0;
  const sooner = ((expires - hot[h + C_EXPIRES]!) | 0) < 0;
  hot[h + C_EXPIRES] = expires;
  // a later end needs nothing: the timer, which every hashed connection has, finds it when it fires. Only where one connection
  // controls another it can be seen which of two timers fires first, and they fire in the kernel's order
  if (
    sooner ||
    hot[h + C_CONTROL] !== 0 ||
    (hot[h + C_FLAGS]! & (CONN_F_TEMPLATE | CONN_F_APP | CONN_F_NFCT)) !== 0
  )
    ipvs.connTimers.set(c, expires);
}

/** Lets a connection end at the next tick (`ip_vs_conn_expire_now`). */
export function connExpireNow(ipvs: NetnsIpvs, c: number): void {
  const now = ipvs.net.jiffies;
  if (isCarried(ipvs, c)) ipvs.fastPath!.withdraw(c);
  ipvs.conns.hot[(c << HOT_SHIFT) + C_EXPIRES] = now;
  ipvs.connTimers.set(c, now);
}

/** The timer of a connection has fired (`ip_vs_conn_expire`). */
export function connTimer(ipvs: NetnsIpvs, c: number, jiffies: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  let expires = hot[h + C_EXPIRES]!;
  if (((expires - jiffies) | 0) <= 0 && isCarried(ipvs, c)) {
    // its packets may have gone past us
    ipvs.fastPath!.settle(c);
    expires = hot[h + C_EXPIRES]!;
  }
  if (((expires - jiffies) | 0) > 0) {
    ipvs.connTimers.set(c, expires, (expires - hot[h + C_TIMEOUT]!) | 0);
    return;
  }
  if (hot[h + C_NCONTROL]! > 0) {
    hot[h + C_TIMEOUT] = BUSY_TIMEOUT * ipvs.net.hz;
    if ((ipvs.syncState & SYNC_STATE_MASTER) !== 0) syncConn(ipvs, c, ipvs.sysctls.values.sync_threshold);
    hot[h + C_EXPIRES] = (jiffies + hot[h + C_TIMEOUT]!) | 0;
    ipvs.connTimers.set(c, hot[h + C_EXPIRES]!);
    return;
  }
  remove(ipvs, c);
}

/** The fast path has this connection. */
function isCarried(ipvs: NetnsIpvs, c: number): boolean {
  return (ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) !== 0;
}

/** Takes a connection out of the table, and its controlling one with it when nothing else needs that (`ip_vs_conn_del`). */
export function connDelete(ipvs: NetnsIpvs, c: number): void {
  ipvs.conns.hot[(c << HOT_SHIFT) + C_TIMEOUT] = 0;
  remove(ipvs, c);
}

function remove(ipvs: NetnsIpvs, c: number): void {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  if (isCarried(ipvs, c)) ipvs.fastPath!.ended(c);
  if (ipvs.onConn !== undefined) ipvs.onConn(false, c);
  const flags = t.hot[h + C_FLAGS]!;
  ipvs.connTimers.cancel(c);
  if ((flags & CONN_F_ONE_PACKET) === 0) t.unhash(c);
  const control = t.hot[h + C_CONTROL]! - 1;
  const forced = t.hot[h + C_TIMEOUT] === 0;
  if (control !== NO_CONN) controlDel(ipvs, c);
  unbindDest(ipvs, c);
  if ((flags & CONN_F_NO_CPORT) !== 0) t.noCport--;
  if (ipvs.peData.size > 0) ipvs.peData.delete(c);
  if (ipvs.syncSeq.size > 0) ipvs.syncSeq.delete(c);
  if ((flags & CONN_F_NFCT) !== 0) dropConntrack(ipvs, c);
  if ((flags & CONN_F_APP) !== 0) unbindApp(ipvs, c);
  t.release(c);
  if (control !== NO_CONN && forced && dropControl(ipvs, control)) connDelete(ipvs, control);
}

/** A controlling connection is dropped with its last child, unless it is a template that has proved real. */
function dropControl(ipvs: NetnsIpvs, ct: number): boolean {
  const hot = ipvs.conns.hot;
  const h = ct << HOT_SHIFT;
  if (hot[h + C_NCONTROL] !== 0) return false;
  return (hot[h + C_FLAGS]! & CONN_F_TEMPLATE) === 0 || (hot[h + C_STATE]! & CTPL_S_ASSURED) === 0;
}

/** Makes `ct` control `c` (`ip_vs_control_add`). */
export function controlAdd(ipvs: NetnsIpvs, c: number, ct: number): void {
  const hot = ipvs.conns.hot;
  if (hot[(c << HOT_SHIFT) + C_CONTROL] !== 0) controlDel(ipvs, c);
  hot[(c << HOT_SHIFT) + C_CONTROL] = ct + 1;
  hot[(ct << HOT_SHIFT) + C_NCONTROL]!++;
}

function controlDel(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const control = hot[(c << HOT_SHIFT) + C_CONTROL]! - 1;
  hot[(c << HOT_SHIFT) + C_CONTROL] = 0;
  if (hot[(control << HOT_SHIFT) + C_NCONTROL]! > 0) hot[(control << HOT_SHIFT) + C_NCONTROL]!--;
}

/** The template of a connection that has proved real is kept in defence (`ip_vs_control_assure_ct`). */
export function controlAssureCt(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const ct = hot[(c << HOT_SHIFT) + C_CONTROL]! - 1;
  if (ct === NO_CONN) return;
  const h = ct << HOT_SHIFT;
  if ((hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) hot[h + C_STATE] = hot[h + C_STATE]! | CTPL_S_ASSURED;
}

/** The client's port has become known (`ip_vs_conn_fill_cport`). */
export function connFillCport(ipvs: NetnsIpvs, c: number, cport: number): void {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  t.rekey(c, cport, t.hot[h + C_PORTS]! & 0xffff, t.dport(c));
  t.hot[h + C_FLAGS] = t.hot[h + C_FLAGS]! & ~CONN_F_NO_CPORT;
  t.noCport--;
}

/** Removes every connection of the namespace (`ip_vs_conn_flush`). */
export function connFlush(ipvs: NetnsIpvs): void {
  const t = ipvs.conns;
  for (let pass = 0; t.count > 0 && pass < t.highWater; pass++) {
    for (let c = 0; c < t.highWater; c++) {
      if (t.isUsed(c) && t.hot[(c << HOT_SHIFT) + C_NCONTROL] === 0) connDelete(ipvs, c);
    }
  }
}

/** Ends the connections whose dest is gone (`ip_vs_expire_nodest_conn_flush`). */
export function expireNodestConns(ipvs: NetnsIpvs): void {
  const t = ipvs.conns;
  for (let c = 0; c < t.highWater; c++) {
    if (!t.isUsed(c) || t.hot[(c << HOT_SHIFT) + C_NCONTROL] !== 0) continue;
    const dest = destOf(ipvs, c);
    // of those that are to be told of their end each is told when it is heard of
    if (dest === null || dest.available || dest.ending !== 'none') continue;
    const ct = t.hot[(c << HOT_SHIFT) + C_CONTROL]! - 1;
    connDelete(ipvs, c);
    // here the template goes with its last connection even when it has proved real
    if (ct !== NO_CONN && t.isUsed(ct) && t.hot[(ct << HOT_SHIFT) + C_NCONTROL] === 0) connDelete(ipvs, ct);
  }
}
