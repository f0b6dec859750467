/** Weighted least connection (`ip_vs_wlc`). */
import type { Scheduler } from '../scheduler.js';
import { leastWeighted } from './load.js';

/** Chooses the dest with the least load for its weight, the first of equals. */
export const wlc: Scheduler = {
  name: 'wlc',

  schedule(svc) {
    return leastWeighted(svc.destinations);
  },
};
