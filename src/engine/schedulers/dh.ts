/** Destination hashing (`ip_vs_dh`). */
import type { Dest } from '../dest.js';
import type { IpHdr } from '../iphdr.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { bucketsOf, foldAddress, hash32, hashRule } from './hash.js';
import { usable } from './load.js';

/** `CONFIG_IP_VS_DH_TAB_BITS`. */
const TAB_BITS = 8;
const TAB_SIZE = 1 << TAB_BITS;

/** Bucket by bucket its dest; all null when the service has no dest. */
type DhTable = (Dest | null)[];

/** Deals the buckets to the dests in turn, whatever their weights. */
function reassign(svc: Service): void {
  const table = svc.schedData as DhTable;
  const dests = svc.destinations;
  for (let i = 0; i < TAB_SIZE; i++) table[i] = dests.length === 0 ? null : dests[i % dests.length]!;
}

function bucketOf(iph: IpHdr): number {
  return hash32(foldAddress(iph.family, iph.daddr), TAB_BITS);
}

/** Chooses by the destination address, as transparent caches behind a firewall mark want it; none when that dest is not usable. */
export const dh: Scheduler = {
  name: 'dh',

  initService(svc) {
    svc.schedData = new Array<Dest | null>(TAB_SIZE).fill(null) satisfies DhTable;
    reassign(svc);
  },

  addDest: reassign,
  delDest: reassign,

  schedule(svc, _packet, iph) {
    const table = svc.schedData as DhTable;
    const dest = table[bucketOf(iph)]!;
    return dest !== null && usable(dest) ? dest : null;
  },

  explain(svc, packet, iph, ctx) {
    return {
      chosen: dh.schedule(svc, packet, iph, ctx),
      rule: hashRule('the destination address', false),
      figures: { bucket: bucketOf(iph), buckets: TAB_SIZE },
      figuresOf: bucketsOf(svc.schedData as DhTable),
    };
  },
};
