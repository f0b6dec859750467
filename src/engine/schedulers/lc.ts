/** Least connection (`ip_vs_lc`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { connOverhead, usable } from './load.js';

/** Chooses the dest with the least load, the first of equals; the weight matters only in being above 0. */
export const lc: Scheduler = {
  name: 'lc',

  schedule(svc) {
    const dests = svc.destinations;
    let least: Dest | null = null;
    let load = 0;
    for (let i = 0; i < dests.length; i++) {
      const dest = dests[i]!;
      if (!usable(dest)) continue;
      const overhead = connOverhead(dest);
      if (least === null || overhead < load) {
        least = dest;
        load = overhead;
      }
    }
    return least;
  },

  explain(svc, packet, iph, ctx) {
    return {
      chosen: lc.schedule(svc, packet, iph, ctx),
      rule: 'the usable server with the least overhead, the first of equals',
      figuresOf: (dest) => ({ overhead: connOverhead(dest) }),
    };
  },
};
