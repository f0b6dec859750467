/** Shortest expected delay (`ip_vs_sed`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { expectedDelay, expectedOverhead, loadedMore, usable } from './load.js';

/** The usable dest that would have the fewest active connections for its weight if it took one more, the first of equals. */
export function shortestDelay(dests: readonly Dest[]): Dest | null {
  let least: Dest | null = null;
  let load = 0;
  for (let i = 0; i < dests.length; i++) {
    const dest = dests[i]!;
    if (!usable(dest)) continue;
    const overhead = expectedOverhead(dest);
    if (least === null || loadedMore(load, least.weight, overhead, dest.weight)) {
      least = dest;
      load = overhead;
    }
  }
  return least;
}

/** Chooses the dest with the shortest expected delay: active connections plus one, for its weight. */
export const sed: Scheduler = {
  name: 'sed',

  schedule(svc) {
    return shortestDelay(svc.destinations);
  },

  explain(svc) {
    return {
      chosen: shortestDelay(svc.destinations),
      rule: 'the usable server with the shortest expected delay, the first of equals',
      figuresOf: expectedDelay,
    };
  },
};
