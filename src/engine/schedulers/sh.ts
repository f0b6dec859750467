/** Source hashing (`ip_vs_sh`). */
import type { Dest } from '../dest.js';
import { SVC_F_SCHED_SH_FALLBACK, SVC_F_SCHED_SH_PORT } from '../flags.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { bucketsOf, clientKey, hash32, hashRule } from './hash.js';
import { usable } from './load.js';

/** `CONFIG_IP_VS_SH_TAB_BITS`. */
const TAB_BITS = 8;
const TAB_SIZE = 1 << TAB_BITS;

/** Bucket by bucket its dest; all null when the service has no dest. */
type ShTable = (Dest | null)[];

/** Fills the buckets from the list, over and over, each dest taking as many buckets in a row as its weight says, and at least one. */
function reassign(svc: Service): void {
  const table = svc.schedData as ShTable;
  const dests = svc.destinations;
  if (dests.length === 0) {
    table.fill(null);
    return;
  }
  let bucket = 0;
  for (let i = 0; bucket < TAB_SIZE; i = (i + 1) % dests.length) {
    const dest = dests[i]!;
    const end = Math.min(bucket + Math.max(dest.weight, 1), TAB_SIZE);
    table.fill(dest, bucket, end);
    bucket = end;
  }
}

function bucketOf(key: number, offset: number): number {
  return (offset + hash32(key, TAB_BITS)) & (TAB_SIZE - 1);
}

/** Tries the buckets from the client's own on, each scattered by the hash, until one has a usable dest. */
function fallback(table: ShTable, key: number, own: number): Dest | null {
  for (let offset = 0; offset < TAB_SIZE; offset++) {
    const dest = table[bucketOf(key, (offset + own) & (TAB_SIZE - 1))]!;
    if (usable(dest)) return dest;
  }
  return null;
}

/**
 * Chooses by the client's address, with the flag `sh-port` also by its port. A client whose dest is not usable gets none, unless the flag
 * `sh-fallback` lets it go to another one.
 */
export const sh: Scheduler = {
  name: 'sh',

  initService(svc) {
    svc.schedData = new Array<Dest | null>(TAB_SIZE).fill(null) satisfies ShTable;
    reassign(svc);
  },

  addDest: reassign,
  delDest: reassign,
  updDest: reassign,

  schedule(svc, packet, iph) {
    const table = svc.schedData as ShTable;
    const key = clientKey(packet, iph, (svc.flags & SVC_F_SCHED_SH_PORT) !== 0);
    const own = bucketOf(key, 0);
    const dest = table[own]!;
    if (dest === null || usable(dest)) return dest;
    return (svc.flags & SVC_F_SCHED_SH_FALLBACK) === 0 ? null : fallback(table, key, own);
  },

  explain(svc, packet, iph, ctx) {
    const withPort = (svc.flags & SVC_F_SCHED_SH_PORT) !== 0;
    return {
      chosen: sh.schedule(svc, packet, iph, ctx),
      rule: hashRule(
        `the client's address${withPort ? ' and port' : ''}`,
        (svc.flags & SVC_F_SCHED_SH_FALLBACK) !== 0,
      ),
      figures: { bucket: bucketOf(clientKey(packet, iph, withPort), 0), buckets: TAB_SIZE },
      figuresOf: bucketsOf(svc.schedData as ShTable),
    };
  },
};
