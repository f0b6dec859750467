/** Weighted round robin (`ip_vs_wrr`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import type { Service } from '../service.js';
import { gcd } from './gcd.js';

/** `struct ip_vs_wrr_mark`. */
interface WrrMark {
  /** Index of the current dest; -1 stands for the list's head. */
  cl: number;
  /** Current weight: dests of at least this weight are chosen in this round. */
  cw: number;
  /** The weight that the first round begins with; 0 when no dest has a weight. */
  mw: number;
  /** What the current weight falls by from round to round. */
  di: number;
}

function measure(svc: Service, mark: WrrMark): void {
  let divisor = 0;
  let most = 0;
  for (const dest of svc.destinations) {
    divisor = gcd(divisor, dest.weight);
    most = Math.max(most, dest.weight);
  }
  mark.cl = -1;
  mark.di = divisor === 0 ? 1 : divisor;
  mark.mw = most - (mark.di - 1);
}

/** Begins at the head again, in the round that was under way as far as it still exists. */
function destChanged(svc: Service): void {
  const mark = svc.schedData as WrrMark;
  measure(svc, mark);
  if (mark.cw > mark.mw || mark.cw === 0) mark.cw = mark.mw;
  else if (mark.di > 1) mark.cw = Math.floor(mark.cw / mark.di) * mark.di + 1;
}

/**
 * The current weight of the next round; 0 or less when the last round is over. Rounds in which no dest could be chosen are left out, the
 * last one excepted: weights may be so far apart that there are thousands of millions of them.
 */
function nextRound(mark: WrrMark, dests: readonly Dest[]): number {
  const next = mark.cw - mark.di;
  if (next <= 0) return next;
  let most = 0;
  for (let i = 0; i < dests.length; i++) {
    const dest = dests[i]!;
    if (!dest.overloaded && dest.weight > most) most = dest.weight;
  }
  return Math.max(1, Math.min(next, most - mark.di + 1));
}

/** The next dest; `mark` moves on. */
function next(mark: WrrMark, dests: readonly Dest[]): Dest | null {
  const start = mark.cl;
  if (mark.mw === 0) return null;
  let restarted = false;
  let lastPass = false;
  for (let at = start; ; ) {
    for (at++; at < dests.length; at++) {
      const dest = dests[at]!;
      if (!dest.overloaded && dest.weight >= mark.cw) {
        mark.cl = at;
        return dest;
      }
      // back where it started: every dest was looked at for the lowest weight of all
      if (lastPass && at === start) return null;
    }
    at = -1;
    mark.cw = nextRound(mark, dests);
    if (mark.cw <= 0) {
      mark.cw = mark.mw;
      // from the head on, every dest was looked at for every weight
      if (start === -1) return null;
      restarted = true;
    }
    if (restarted && mark.cw <= mark.di) lastPass = true;
  }
}

function nextOf(svc: Service): Dest | null {
  return next(svc.schedData as WrrMark, svc.destinations);
}

/**
 * Goes through the list in rounds. In a round the dests whose weight is at least the current weight are chosen, one after the other;
 * then the current weight falls by the weights' greatest common divisor, until it starts over from the largest weight.
 */
export const wrr: Scheduler = {
  name: 'wrr',

  initService(svc) {
    const mark: WrrMark = { cl: -1, cw: 0, mw: 0, di: 1 };
    measure(svc, mark);
    mark.cw = mark.mw;
    svc.schedData = mark;
  },

  addDest: destChanged,
  delDest: destChanged,
  updDest: destChanged,

  schedule: nextOf,
  next: nextOf,

  explain(svc) {
    const mark = svc.schedData as WrrMark;
    return {
      chosen: next({ ...mark }, svc.destinations),
      rule: 'the next server whose weight is at least that of the round',
      figures: { last: mark.cl, roundWeight: mark.cw, firstRoundWeight: mark.mw, step: mark.di },
    };
  },
};
