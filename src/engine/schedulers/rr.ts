/** Round robin (`ip_vs_rr`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { usable } from './load.js';

interface RrState {
  /** Index of the dest chosen last in the service's list; -1 stands for the list's head, before all of them. */
  last: number;
}

/** The next usable dest in list order, which `state` then remembers. */
function next(state: RrState, dests: readonly Dest[]): Dest | null {
  let at = state.last;
  for (let n = dests.length; n > 0; n--) {
    at = at + 1 < dests.length ? at + 1 : 0;
    const dest = dests[at]!;
    if (usable(dest)) {
      state.last = at;
      return dest;
    }
  }
  return null;
}

function nextOf(svc: Service): Dest | null {
  return next(svc.schedData as RrState, svc.destinations);
}

/** Chooses the dests one after the other, in list order; the weight matters only in being above 0. */
export const rr: Scheduler = {
  name: 'rr',

  initService(svc) {
    svc.schedData = { last: -1 } satisfies RrState;
  },

  addDest(svc) {
    const state = svc.schedData as RrState;
    // the new dest is in front of all others
    if (state.last >= 0) state.last++;
  },

  delDest(svc, _dest, index) {
    const state = svc.schedData as RrState;
    if (index <= state.last) state.last--;
  },

  schedule: nextOf,
  next: nextOf,

  explain(svc) {
    const state = svc.schedData as RrState;
    return {
      chosen: next({ ...state }, svc.destinations),
      rule: 'the next usable server in list order',
      figures: { last: state.last },
    };
  },
};
