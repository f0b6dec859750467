/** Power of two choices (`ip_vs_twos`). */
import type { Dest } from '../dest.js';
import type { Scheduler } from '../scheduler.js';
import { connOverhead, usable, weightedOverhead } from './load.js';

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
    return better(first, second);
  },

  explain(svc) {
    const able = svc.destinations.filter(usable);
    const chances = chancesOf(able);
    return {
      chosen: able.length > 1 ? undefined : (able[0] ?? null),
      rule: 'of two usable servers drawn by weight the one with less overhead for its weight, the first of equals',
      figuresOf: (dest) => ({
        ...weightedOverhead(dest),
        ...(chances !== undefined && { chance: chances.get(dest) ?? 0 }),
      }),
    };
  },
};

/** The one with less load for its weight, `first` when they are equal; 32-bit products, as the kernel's. */
function better(first: Dest, second: Dest): Dest {
  const secondIsLess =
    Math.imul(second.weight, connOverhead(first)) > Math.imul(first.weight, connOverhead(second));
  return secondIsLess ? second : first;
}

/** Usable dests beyond which chances are not told: each is weighed against each. */
const CHANCES_MAX = 500;

/** With which chance each dest that can be chosen is; undefined when they are too many. */
function chancesOf(able: readonly Dest[]): Map<Dest, number> | undefined {
  if (able.length > CHANCES_MAX) return undefined;
  const total = able.reduce((sum, dest) => sum + dest.weight, 0);
  // a draw of 0 falls to the first dest as well
  const drawn = able.map((dest, i) => (dest.weight + (i === 0 ? 1 : 0)) / (total + 1));
  const chances = new Map<Dest, number>();
  for (const [i, first] of able.entries()) {
    for (const [j, second] of able.entries()) {
      const winner = better(first, second);
      chances.set(winner, (chances.get(winner) ?? 0) + drawn[i]! * drawn[j]!);
    }
  }
  return chances;
}

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
