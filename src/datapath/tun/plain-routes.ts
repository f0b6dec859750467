/** The routes of a machine without policy routing: there the longest prefix alone decides. */
import type { NetlinkSocket } from '../../linux/netlink.js';
import { type KernelRoute, listRoutes } from '../../linux/rt-route.js';
import { listRules, type Rule } from '../../linux/rt-rule.js';
import { RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import type { Family } from '../../wire/inet.js';

const TABLES = [RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT];

/**
 * The routes of the local and the main table.
 * @returns undefined where other rules than the kernel's own have a say (ours lead nobody's packets but ours), or the default table.
 */
export function plainRoutes(socket: NetlinkSocket, family: Family): readonly KernelRoute[] | undefined {
  const rules = listRules(socket, family).filter(({ protocol }) => protocol !== RTPROT_IPVSD);
  const tables = rules.map(tableOf);
  // a table that is asked twice is asked under a condition
  if (tables.some((table, i) => !TABLES.includes(table) || tables.indexOf(table) !== i)) return undefined;
  if (listRoutes(socket, family, RT_TABLE_DEFAULT).length > 0) return undefined;
  return [RT_TABLE_LOCAL, RT_TABLE_MAIN].flatMap((table) => listRoutes(socket, family, table));
}

/** The table that a rule without conditions leads to; 0 for other rules. */
function tableOf({ action, from, to, iif, fwmark, ipProto, sport, dport }: Rule): number {
  const conditions = [from, to, iif, fwmark, ipProto, sport, dport];
  if (conditions.some((condition) => condition !== undefined)) return 0;
  return typeof action === 'object' && 'table' in action ? action.table : 0;
}
