/** Weighted overflow (`ip_vs_ovf`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { usable } from './load.js';

/**
 * Chooses the dest of the highest weight, the first of equals, among those with no more active connections than their weight:
 * a weight is a capacity here, and what is too much for one dest flows over to the next.
 */
export const ovf: Scheduler = {
  name: 'ovf',

  schedule(svc) {
    const dests = svc.destinations;
    let highest: Dest | null = null;
    for (let i = 0; i < dests.length; i++) {
      const dest = dests[i]!;
      if (!usable(dest) || dest.activeconns > dest.weight) continue;
      if (highest === null || dest.weight > highest.weight) highest = dest;
    }
    return highest;
  },

  explain(svc, packet, iph, ctx) {
    return {
      chosen: ovf.schedule(svc, packet, iph, ctx),
      rule: 'the usable server of the highest weight that has no more active connections than its weight, the first of equals',
    };
  },
};
