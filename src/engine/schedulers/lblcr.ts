/** Locality-based least connection with replication (`ip_vs_lblcr`). */
import type { Scheduler } from '../scheduler.js';
import { AddressCache } from './address-cache.js';
import { DestSet } from './dest-set.js';
import { leastWeighted, overloadedBeside, weightedOverhead } from './load.js';

type LblcrTable = AddressCache<DestSet>;

/**
 * As lblc, but an address may be served by several dests: one is added when those it has are overloaded, and the most loaded one is taken
 * away when their set was not changed for `lblcr_expiration`.
 */
export const lblcr: Scheduler = {
  name: 'lblcr',

  initService(svc) {
    svc.schedData = new AddressCache<DestSet>(svc.family, (set) => set.clear()) satisfies LblcrTable;
  },

  doneService(svc) {
    (svc.schedData as LblcrTable).flush();
  },

  periodic(svc, ctx) {
    (svc.schedData as LblcrTable).collect(ctx.jiffies, ctx.hz, ctx.sysctl('lblcr_expiration'));
  },

  schedule(svc, _packet, iph, ctx) {
    const table = svc.schedData as LblcrTable;
    const now = ctx.jiffies;
    const set = table.find(iph.daddr, now)?.value;
    if (set !== undefined) {
      const least = set.least();
      if (set.size > 1 && ((now - set.lastmod - ctx.sysctl('lblcr_expiration')) | 0) > 0) set.eraseMost(now);
      if (least !== null && !overloadedBeside(least, svc.destinations)) return least;
    }
    const dest = leastWeighted(svc.destinations);
    if (dest === null) return null;
    if (set !== undefined) {
      set.insert(dest, now);
    } else if (!table.full) {
      const fresh = new DestSet();
      fresh.insert(dest, now);
      table.add(iph.daddr, fresh, now);
    }
    return dest;
  },

  explain(svc, _packet, iph) {
    const set = (svc.schedData as LblcrTable).peek(iph.daddr)?.value;
    const least = set?.least() ?? null;
    const kept = least !== null && !overloadedBeside(least, svc.destinations);
    return {
      chosen: kept ? least : leastWeighted(svc.destinations),
      rule: kept
        ? 'the server with the least overhead for its weight, of those that have served this address'
        : `${set === undefined ? 'no server has served this address' : 'those that have served this address are to be relieved'}: the usable server with the least overhead for its weight`,
      figuresOf: (dest) => ({ ...weightedOverhead(dest), remembered: set?.has(dest) === true ? 1 : 0 }),
    };
  },
};
