/** Weighted least connection (`ip_vs_wlc`). */
import type { Scheduler } from '../scheduler.js';
import { leastWeighted, weightedOverhead } from './load.js';

/** Chooses the dest with the least load for its weight, the first of equals. */
export const wlc: Scheduler = {
  name: 'wlc',

  schedule(svc) {
    return leastWeighted(svc.destinations);
  },

  explain(svc) {
    return {
      chosen: leastWeighted(svc.destinations),
      rule: 'the usable server with the least overhead for its weight, the first of equals',
      figuresOf: weightedOverhead,
    };
  },
};
