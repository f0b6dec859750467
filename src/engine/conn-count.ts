/** How many connections are in which state. */

import { protocolName, stateNameOf } from './conn-list.js';
import { C_FLAGS, C_STATE, HOT_SHIFT } from './conn-table.js';
import { CONN_F_TEMPLATE } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/** A kind of connection, and how many there are of it. */
export interface ConnCount {
  /** Protocol as listed. */
  protocol: string;
  /** State as listed. */
  state: string;
  /** They are templates of persistent clients. */
  template: boolean;
  count: number;
}

/**
 * Counts the connections in some places of the table.
 * @param cursor first place: 0, or `next` of the part before. @param limit places to look at.
 */
export function countConns(
  ipvs: NetnsIpvs,
  cursor: number,
  limit: number,
): { counts: ConnCount[]; next?: number } {
  const t = ipvs.conns;
  const end = Math.min(cursor + limit, t.highWater);
  // protocol, state and template as one number
  const found = new Map<number, number>();
  for (let c = cursor; c < end; c++) {
    if (!t.isUsed(c)) continue;
    const h = c << HOT_SHIFT;
    const template = (t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0 ? 1 : 0;
    const key = (t.protocol(c) << 17) | (template << 16) | (t.hot[h + C_STATE]! & 0xffff);
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  const counts = Array.from(found, ([key, count]) => {
    const protocol = key >>> 17;
    const template = ((key >>> 16) & 1) === 1;
    return {
      protocol: protocolName(protocol),
      state: stateNameOf(ipvs, protocol, key & 0xffff, template),
      template,
      count,
    };
  });
  return end < t.highWater ? { counts, next: end } : { counts };
}
