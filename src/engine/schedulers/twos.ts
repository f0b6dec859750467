/** Power of two choices (`ip_vs_twos`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { connOverhead, usable } from './load.js';

/**
 * Draws two usable dests at random, with chances by weight, and chooses the one with less load for its weight, the first draw when they are
 * equal. A draw is 0..W of the weights' sum W, both included, so that the first dest in the list has a chance of (w + 1) / (W + 1).
 */
export const twos: Scheduler = {
  name: 'twos',

  schedule(svc, _packet, _iph, ctx) {
    const dests = svc.destinations;
    let total = 0;
    for (let i = 0; i < dests.length; i++) if (usable(dests[i]!)) total += dests[i]!.weight;
    const first = drawn(dests, ctx.randomBelow(total + 1));
    const second = drawn(dests, ctx.randomBelow(total + 1));
    if (first === null || second === null) return null;
    // 32-bit products, as the kernel's
    const secondIsLess =
      Math.imul(second.weight, connOverhead(first)) > Math.imul(first.weight, connOverhead(second));
    return secondIsLess ? second : first;
  },
};

/** The usable dest at which `draw`, less the weights from the list's beginning on, is used up. */
function drawn(dests: readonly Dest[], draw: number): Dest | null {
  let chosen: Dest | null = null;
  let rest = draw;
  for (let i = 0; i < dests.length && (chosen === null || rest > 0); i++) {
    const dest = dests[i]!;
    if (!usable(dest)) continue;
    chosen = dest;
    rest -= dest.weight;
  }
  return chosen;
}
