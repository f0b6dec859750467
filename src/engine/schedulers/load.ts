/** What schedulers ask about dests: may it be chosen, how loaded is it, which is loaded least. */
import type { Dest } from '../dest.js';

/** The dest may take a new connection: it has a weight and is below its upper threshold. */
export function usable(dest: Dest): boolean {
  return dest.weight > 0 && !dest.overloaded;
}

/**
 * Load of a dest (`ip_vs_dest_conn_overhead`): an active connection counts as much as 256 inactive ones. Templates do not count.
 * This is Linux 6.1; from 6.12.117 on an active one counts as 257.
 */
export function connOverhead(dest: Dest): number {
  return dest.activeconns * 256 + dest.inactconns;
}

/** Load of a dest as if it had the new connection already (`ip_vs_sed_dest_overhead`). */
export function expectedOverhead(dest: Dest): number {
  return dest.activeconns + 1;
}

/** How wlc, lblc and lblcr see a dest: its load, and its load for its weight. */
export function weightedOverhead(dest: Dest): Record<string, number> {
  const overhead = connOverhead(dest);
  return dest.weight > 0 ? { overhead, overheadByWeight: overhead / dest.weight } : { overhead };
}

/** How sed and nq see a dest: its load with one connection more, and that for its weight. */
export function expectedDelay(dest: Dest): Record<string, number> {
  const overhead = expectedOverhead(dest);
  return dest.weight > 0 ? { overhead, expectedDelay: overhead / dest.weight } : { overhead };
}

const LIMB = 0x1_0000;

/**
 * True when `load / weight > otherLoad / otherWeight`, compared exactly by cross multiplication; false when `otherWeight` is 0.
 * Loads below 2^36 and weights below 2^31 are allowed, so that the products may exceed what a double holds.
 */
export function loadedMore(load: number, weight: number, otherLoad: number, otherWeight: number): boolean {
  const left = load * otherWeight;
  const right = otherLoad * weight;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left > right;
  // in two limbs: the high parts stay below 2^53, the low part keeps 16 bits
  const leftLow = load * (otherWeight % LIMB);
  const rightLow = otherLoad * (weight % LIMB);
  const leftHigh = load * Math.floor(otherWeight / LIMB) + Math.floor(leftLow / LIMB);
  const rightHigh = otherLoad * Math.floor(weight / LIMB) + Math.floor(rightLow / LIMB);
  return leftHigh === rightHigh ? leftLow % LIMB > rightLow % LIMB : leftHigh > rightHigh;
}

/** The usable dest with the least load for its weight, the first of equals: what wlc chooses, and lblc and lblcr when they choose anew. */
export function leastWeighted(dests: readonly Dest[]): Dest | null {
  let least: Dest | null = null;
  let load = 0;
  for (let i = 0; i < dests.length; i++) {
    const dest = dests[i]!;
    if (!usable(dest)) continue;
    const overhead = connOverhead(dest);
    if (least === null || loadedMore(load, least.weight, overhead, dest.weight)) {
      least = dest;
      load = overhead;
    }
  }
  return least;
}

/** True when a dest has more active connections than its weight while another has fewer than half its own: lblc and lblcr then look elsewhere. */
export function overloadedBeside(dest: Dest, dests: readonly Dest[]): boolean {
  if (dest.activeconns <= dest.weight) return false;
  for (let i = 0; i < dests.length; i++) {
    const other = dests[i]!;
    if (other.activeconns * 2 < other.weight) return true;
  }
  return false;
}
