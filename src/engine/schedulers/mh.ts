/** Maglev hashing (`ip_vs_mh`). */
import { IpvsError } from '../../errors.js';
import type { Dest } from '../dest.js';
import { SVC_F_SCHED_MH_FALLBACK, SVC_F_SCHED_MH_PORT } from '../flags.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { bucketsOf, clientKey, hashRule } from './hash.js';
import { usable } from './load.js';
import { fillMaglev, MH_TAB_SIZE, mhHash } from './maglev-table.js';

/** Bucket by bucket its dest; all null when no dest of the service ever had a weight. */
type MhTable = (Dest | null)[];

/** A service that has more dests than the table has buckets keeps the table it has. */
function reassign(svc: Service): void {
  if (svc.destinations.length > MH_TAB_SIZE) return;
  fillMaglev(svc.schedData as MhTable, svc.destinations, svc.family);
}

/** Usable, and still one of the service's, which a table that was kept does not warrant. */
function eligible(dest: Dest): boolean {
  return usable(dest) && dest.available;
}

/** Tries the buckets from the client's own on, each scattered by the hash, until one has a usable dest. */
function fallback(table: MhTable, key: number, own: number): Dest | null {
  for (let offset = 0; offset < MH_TAB_SIZE; offset++) {
    const dest = table[mhHash(key, (offset + own) % MH_TAB_SIZE) % MH_TAB_SIZE]!;
    if (eligible(dest)) return dest;
  }
  return null;
}

/**
 * Chooses by the client's address, with the flag `mh-port` also by its port, so that few clients change their dest when dests come and go.
 * All directors with the same dests, added in the same order, choose alike. A client whose dest is not usable gets none, unless the flag
 * `mh-fallback` lets it go to another one.
 */
export const mh: Scheduler = {
  name: 'mh',

  /** @throws INVALID when the service has more dests than the table has buckets. */
  initService(svc) {
    if (svc.destinations.length > MH_TAB_SIZE) {
      throw new IpvsError('INVALID', `mh serves at most ${MH_TAB_SIZE} real servers`, 'scheduler');
    }
    svc.schedData = new Array<Dest | null>(MH_TAB_SIZE).fill(null) satisfies MhTable;
    reassign(svc);
  },

  addDest: reassign,
  delDest: reassign,
  updDest: reassign,

  schedule(svc, packet, iph) {
    const table = svc.schedData as MhTable;
    const key = clientKey(packet, iph, (svc.flags & SVC_F_SCHED_MH_PORT) !== 0);
    const own = mhHash(key, 0) % MH_TAB_SIZE;
    const dest = table[own]!;
    if (dest === null || eligible(dest)) return dest;
    return (svc.flags & SVC_F_SCHED_MH_FALLBACK) === 0 ? null : fallback(table, key, own);
  },

  explain(svc, packet, iph, ctx) {
    const withPort = (svc.flags & SVC_F_SCHED_MH_PORT) !== 0;
    return {
      chosen: mh.schedule(svc, packet, iph, ctx),
      rule: hashRule(
        `the client's address${withPort ? ' and port' : ''}`,
        (svc.flags & SVC_F_SCHED_MH_FALLBACK) !== 0,
      ),
      figures: { bucket: mhHash(clientKey(packet, iph, withPort), 0) % MH_TAB_SIZE, buckets: MH_TAB_SIZE },
      figuresOf: bucketsOf(svc.schedData as MhTable),
    };
  },
};
