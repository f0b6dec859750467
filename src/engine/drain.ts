/**
 * Draining: a server takes no new connections, has time for those that it has, and goes. Whoever is left then may be told (see ending.ts).
 * Nothing of this is on the way of packets while the server is there.
 */
import { IpvsError } from '../errors.js';
import { C_DEST, C_EXPIRES, C_FLAGS, C_TIMEOUT, HOT_SHIFT } from './conn-table.js';
import { type DestId, findDest, getService, removeDest } from './ctl.js';
import type { Dest } from './dest.js';
import { beginEnding } from './ending.js';
import { CONN_F_CARRIED, CONN_F_TEMPLATE } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { ServiceId } from './service.js';
import type { DrainPolicy } from './service-options.js';

/** What a server that drains knows of it. */
export interface Drain {
  /** The weight that it has when it is to stay after all. */
  weight: number;
  readonly policy: DrainPolicy;
  /** Jiffies when it began. */
  readonly since: number;
}

/** Why a server has gone: nothing was left to wait for, or no time. */
export type DrainReason = 'idle' | 'deadline';

/** A server has gone. */
export interface Drained {
  readonly dest: Dest;
  readonly reason: DrainReason;
  /** Connections that it had. */
  readonly connections: number;
}

/** Seconds without a packet after which a connection that is not active holds nobody up. */
const QUIET = 2;

/**
 * Drains a server; one that drains already has the new terms.
 * @param since jiffies when it began, the beginning of its deadline.
 * @throws SERVICE_NOT_FOUND, DEST_NOT_FOUND
 */
export function drainDest(
  ipvs: NetnsIpvs,
  id: ServiceId,
  which: DestId,
  policy: DrainPolicy,
  since = ipvs.net.jiffies,
): void {
  const svc = getService(ipvs, id);
  const dest = findDest(svc, which);
  if (dest === undefined) throw new IpvsError('DEST_NOT_FOUND');
  dest.drain = { weight: dest.drain?.weight ?? dest.weight, policy, since };
  svc.turns = null;
  dest.weight = 0;
  ipvs.draining.add(dest);
  svc.scheduler?.updDest?.(svc, dest, ipvs.schedulerContext);
  ipvs.net.armDrain();
}

/** Gives a server that drains its weight back. @throws SERVICE_NOT_FOUND, DEST_NOT_FOUND, INVALID when it does not drain */
export function undrainDest(ipvs: NetnsIpvs, id: ServiceId, which: DestId): void {
  const svc = getService(ipvs, id);
  const dest = findDest(svc, which);
  if (dest === undefined) throw new IpvsError('DEST_NOT_FOUND');
  if (dest.drain === null) throw new IpvsError('INVALID', 'this server is not being drained', 'dest');
  svc.turns = null;
  dest.weight = dest.drain.weight;
  dest.drain = null;
  ipvs.draining.delete(dest);
  svc.scheduler?.updDest?.(svc, dest, ipvs.schedulerContext);
}

/** Looks which servers may go. To be called every now and then while there are any that drain. */
export function checkDrains(ipvs: NetnsIpvs): void {
  for (const dest of [...ipvs.draining]) {
    const left = drainTicksLeft(ipvs, dest);
    const idle = isIdle(ipvs, dest);
    if (!idle && left !== 0) continue;
    const { end } = dest.drain!.policy;
    const connections = dest.totalconns;
    removeDest(ipvs, dest.svc!, dest);
    if (!idle && dest.totalconns > 0) beginEnding(ipvs, dest, end);
    ipvs.onDrained?.({ dest, reason: idle ? 'idle' : 'deadline', connections });
  }
}

/** Ticks until the deadline of a server that drains, 0 when it is over; undefined without one. */
export function drainTicksLeft({ net }: NetnsIpvs, { drain }: Dest): number | undefined {
  const { deadline } = drain!.policy;
  return deadline === 0 ? undefined : Math.max(0, deadline * net.hz - ((net.jiffies - drain!.since) | 0));
}

/**
 * No connection is active, and none that is closing, or of a protocol that has no such thing, has had a packet lately: half-closed ones may still
 * carry an answer.
 */
function isIdle(ipvs: NetnsIpvs, dest: Dest): boolean {
  if (dest.activeconns > 0) return false;
  const t = ipvs.conns;
  const quiet = QUIET * ipvs.net.hz;
  for (let c = 0; c < t.highWater && dest.totalconns > 0; c++) {
    const h = c << HOT_SHIFT;
    if (!t.isUsed(c) || t.hot[h + C_DEST] !== dest.index + 1) continue;
    if ((t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) continue;
    if ((t.hot[h + C_FLAGS]! & CONN_F_CARRIED) !== 0) ipvs.fastPath?.settle(c);
    const last = (t.hot[h + C_EXPIRES]! - t.hot[h + C_TIMEOUT]!) | 0;
    if (((ipvs.net.jiffies - last) | 0) < quiet) return false;
  }
  return true;
}
