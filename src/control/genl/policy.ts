/** What the kernel demands of attributes before it looks at them (`lib/nlattr.c`, the lax rules that the family has). */
import { type ErrorCode, IpvsError } from '../../errors.js';
import { attributeBytes, eachAttribute, NLA_HEADER } from '../../wire/netlink.js';
import { CMD_ATTR, DAEMON_ATTR, DEST_ATTR, SVC_ATTR } from './numbers.js';

/** Bytes at least, bytes at most, or a text of so many characters with its final 0. */
type Rule = { readonly least: number } | { readonly most: number } | { readonly text: number };

/** The rules of a set of attributes; what has none may be anything. */
export type Policy = Readonly<Record<number, Rule>>;

const U8: Rule = { least: 1 };
const U16: Rule = { least: 2 };
const U32: Rule = { least: 4 };
const ADDRESS: Rule = { most: 16 };
const NESTED: Rule = { least: NLA_HEADER };

/** `ip_vs_cmd_policy`. */
export const CMD_POLICY: Policy = {
  [CMD_ATTR.SERVICE]: NESTED,
  [CMD_ATTR.DEST]: NESTED,
  [CMD_ATTR.DAEMON]: NESTED,
  [CMD_ATTR.TIMEOUT_TCP]: U32,
  [CMD_ATTR.TIMEOUT_TCP_FIN]: U32,
  [CMD_ATTR.TIMEOUT_UDP]: U32,
};

/** `ip_vs_svc_policy`. */
export const SVC_POLICY: Policy = {
  [SVC_ATTR.AF]: U16,
  [SVC_ATTR.PROTOCOL]: U16,
  [SVC_ATTR.ADDR]: ADDRESS,
  [SVC_ATTR.PORT]: U16,
  [SVC_ATTR.FWMARK]: U32,
  [SVC_ATTR.SCHED_NAME]: { text: 15 },
  [SVC_ATTR.PE_NAME]: { text: 16 },
  [SVC_ATTR.FLAGS]: { most: 8 },
  [SVC_ATTR.TIMEOUT]: U32,
  [SVC_ATTR.NETMASK]: U32,
  [SVC_ATTR.STATS]: NESTED,
};

/** `ip_vs_dest_policy`. */
export const DEST_POLICY: Policy = {
  [DEST_ATTR.ADDR]: ADDRESS,
  [DEST_ATTR.PORT]: U16,
  [DEST_ATTR.FWD_METHOD]: U32,
  [DEST_ATTR.WEIGHT]: U32,
  [DEST_ATTR.U_THRESH]: U32,
  [DEST_ATTR.L_THRESH]: U32,
  [DEST_ATTR.ACTIVE_CONNS]: U32,
  [DEST_ATTR.INACT_CONNS]: U32,
  [DEST_ATTR.PERSIST_CONNS]: U32,
  [DEST_ATTR.STATS]: NESTED,
  [DEST_ATTR.ADDR_FAMILY]: U16,
  [DEST_ATTR.TUN_TYPE]: U8,
  [DEST_ATTR.TUN_PORT]: U16,
  [DEST_ATTR.TUN_FLAGS]: U16,
};

/** `ip_vs_daemon_policy`. */
export const DAEMON_POLICY: Policy = {
  [DAEMON_ATTR.STATE]: U32,
  [DAEMON_ATTR.MCAST_IFN]: { text: 15 },
  [DAEMON_ATTR.SYNC_ID]: U32,
  [DAEMON_ATTR.SYNC_MAXLEN]: U16,
  [DAEMON_ATTR.MCAST_GROUP]: U32,
  [DAEMON_ATTR.MCAST_GROUP6]: { least: 16 },
  [DAEMON_ATTR.MCAST_PORT]: U16,
  [DAEMON_ATTR.MCAST_TTL]: U8,
};

/**
 * The attributes from `offset` on, when they all keep to `policy`; the last of a type counts.
 * @throws the error `code` when one does not.
 */
export function readAttributes(
  view: DataView,
  offset: number,
  policy: Policy,
  code: ErrorCode,
): Map<number, DataView> {
  const found = new Map<number, DataView>();
  for (const [type, value] of eachAttribute(view, offset)) {
    const rule = policy[type];
    if (rule !== undefined && !keeps(value, rule)) throw new IpvsError(code);
    found.set(type, value);
  }
  return found;
}

function keeps(value: DataView, rule: Rule): boolean {
  const { byteLength } = value;
  // an attribute for attributes may have none
  if ('least' in rule) return byteLength >= rule.least || (rule === NESTED && byteLength === 0);
  if ('most' in rule) return byteLength <= rule.most;
  const bytes = attributeBytes(value);
  const end = bytes.indexOf(0);
  return end >= 0 && end <= rule.text && bytes.length - (bytes.at(-1) === 0 ? 1 : 0) <= rule.text;
}
