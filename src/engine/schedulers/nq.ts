/** Never queue (`ip_vs_nq`). */
import type { Scheduler } from '../scheduler.js';
import { expectedDelay, usable } from './load.js';
import { shortestDelay } from './sed.js';

/** Chooses the first dest without active connections; when there is none, as sed does. */
export const nq: Scheduler = {
  name: 'nq',

  schedule(svc) {
    const dests = svc.destinations;
    for (let i = 0; i < dests.length; i++) {
      const dest = dests[i]!;
      if (dest.activeconns === 0 && usable(dest)) return dest;
    }
    return shortestDelay(dests);
  },

  explain(svc, packet, iph, ctx) {
    return {
      chosen: nq.schedule(svc, packet, iph, ctx),
      rule: 'the first usable server without active connections, else the one with the shortest expected delay',
      figuresOf: expectedDelay,
    };
  },
};
