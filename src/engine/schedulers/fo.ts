/** Weighted fail-over (`ip_vs_fo`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { usable } from './load.js';

/** Chooses the usable dest of the highest weight, the first of equals: the others wait until it is gone or overloaded. */
export const fo: Scheduler = {
  name: 'fo',

  schedule(svc) {
    const dests = svc.destinations;
    let highest: Dest | null = null;
    for (let i = 0; i < dests.length; i++) {
      const dest = dests[i]!;
      if (usable(dest) && (highest === null || dest.weight > highest.weight)) highest = dest;
    }
    return highest;
  },

  explain(svc, packet, iph, ctx) {
    return {
      chosen: fo.schedule(svc, packet, iph, ctx),
      rule: 'the usable server of the highest weight, the first of equals',
    };
  },
};
