/** Locality-based least connection (`ip_vs_lblc`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { AddressCache } from './address-cache.js';
import { leastWeighted, overloadedBeside, weightedOverhead } from './load.js';

type LblcTable = AddressCache<Dest>;

// the trash keeps a removed dest while the table refers to it: when it is added again its addresses come back to it
function hold(dest: Dest): Dest {
  dest.refcnt++;
  return dest;
}

function put(dest: Dest): void {
  dest.refcnt--;
}

/** As in the kernel, a dest above its upper threshold keeps the addresses it has. */
function keeps(cached: Dest, svc: Service): boolean {
  return cached.available && cached.weight > 0 && !overloadedBeside(cached, svc.destinations);
}

/**
 * Remembers, for each destination address, the dest that got its last connection, and chooses it again unless it is overloaded while
 * another one is half idle; otherwise chooses as wlc does. For clusters of transparent caches.
 */
export const lblc: Scheduler = {
  name: 'lblc',

  initService(svc) {
    svc.schedData = new AddressCache<Dest>(svc.family, put) satisfies LblcTable;
  },

  doneService(svc) {
    (svc.schedData as LblcTable).flush();
  },

  periodic(svc, ctx) {
    (svc.schedData as LblcTable).collect(ctx.jiffies, ctx.hz, ctx.sysctl('lblc_expiration'));
  },

  schedule(svc, _packet, iph, ctx) {
    const table = svc.schedData as LblcTable;
    const entry = table.find(iph.daddr, ctx.jiffies);
    if (entry !== null && keeps(entry.value, svc)) return entry.value;
    const dest = leastWeighted(svc.destinations);
    if (dest === null) return null;
    if (entry !== null) {
      put(entry.value);
      entry.value = hold(dest);
    } else if (!table.full) {
      table.add(iph.daddr, hold(dest), ctx.jiffies);
    }
    return dest;
  },

  explain(svc, _packet, iph) {
    const cached = (svc.schedData as LblcTable).peek(iph.daddr)?.value;
    const kept = cached !== undefined && keeps(cached, svc);
    return {
      chosen: kept ? cached : leastWeighted(svc.destinations),
      rule: kept
        ? 'the server that had the last connection to this address'
        : `${cached === undefined ? 'no server is remembered for this address' : 'the server remembered for this address is to be relieved'}: the usable server with the least overhead for its weight`,
      figuresOf: (dest) => ({ ...weightedOverhead(dest), remembered: dest === cached ? 1 : 0 }),
    };
  },
};
