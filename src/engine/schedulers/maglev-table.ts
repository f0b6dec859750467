/** The look-up table of consistent hashing after "Maglev" (Eisenbud and others, NSDI 2016), with weights as `ip_vs_mh` adds them. */
import type { Family } from '../../wire/inet.js';
import type { Dest } from '../dest.js';
import { gcd } from './gcd.js';
import { foldAddress } from './hash.js';
import { hsiphash } from './hsiphash.js';

/** Buckets: the prime that the kernel's default, `CONFIG_IP_VS_MH_TAB_INDEX=12`, stands for. */
export const MH_TAB_SIZE = 4093;
/** Weights above 2^6, divided by their greatest common divisor, are scaled down so that each dest has its turn early. */
const TURN_BITS = 6;
const KEY1 = 2654435761;
const KEY2 = 2654446892;

/** One of its hash functions: of a key (an address, perhaps with a port) and the number of a try. */
export function mhHash(key: number, offset: number): number {
  return hsiphash((key + offset) | 0, KEY1);
}

/** A dest's place in the filling: the next slot of its permutation, the step to the one after, and slots a turn. */
interface Filler {
  readonly dest: Dest;
  slot: number;
  readonly skip: number;
  readonly turns: number;
}

/**
 * Fills `table` ({@link MH_TAB_SIZE} long) from the dests in list order. Weights are those that dests had when they last had one, so that a
 * dest on its way out keeps its buckets. The table is all null when no dest ever had a weight.
 */
export function fillMaglev(table: (Dest | null)[], dests: readonly Dest[], family: Family): void {
  table.fill(null);
  const fillers = makeFillers(dests, family);
  if (fillers.length === 0) return;
  let filled = 0;
  for (let i = 0; ; i = (i + 1) % fillers.length) {
    const filler = fillers[i]!;
    for (let turn = 0; turn < filler.turns; turn++) {
      while (table[filler.slot] !== null) filler.slot = (filler.slot + filler.skip) % MH_TAB_SIZE;
      table[filler.slot] = filler.dest;
      if (++filled === MH_TAB_SIZE) return;
    }
  }
}

function makeFillers(dests: readonly Dest[], family: Family): Filler[] {
  let divisor = 0;
  let most = 0;
  for (const dest of dests) {
    divisor = gcd(divisor, dest.lastWeight);
    most = Math.max(most, dest.lastWeight);
  }
  const shift = Math.max(0, 32 - Math.clz32(most / divisor) - TURN_BITS);
  const fillers: Filler[] = [];
  for (const dest of dests) {
    if (dest.lastWeight === 0) continue;
    const key = foldAddress(family, dest.addr.words) + dest.port;
    fillers.push({
      dest,
      slot: mhHash(key, 0) % MH_TAB_SIZE,
      skip: (hsiphash(key | 0, KEY2) % (MH_TAB_SIZE - 1)) + 1,
      turns: Math.max(1, (dest.lastWeight / divisor) >> shift),
    });
  }
  return fillers;
}
