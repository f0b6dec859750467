/** Policy routing rules by rtnetlink (`struct fib_rule_hdr`). */
import { AF_INET, AF_INET6, type Family, type InetAddr } from '../wire/inet.js';
import {
  attributes,
  attributeText,
  LITTLE,
  type NetlinkMessage,
  type NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from '../wire/netlink.js';
import type { NetlinkSocket } from './netlink.js';
import {
  change,
  dump,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  readAddress,
  writeAddress,
} from './rtnetlink.js';

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;

const FR_ACT_TO_TBL = 1;
const FR_ACT_GOTO = 2;
const FR_ACT_NOP = 3;
const FIB_RULE_HEADER = 12;

/** An address prefix. */
export interface Prefix {
  readonly address: InetAddr;
  readonly length: number;
}

/** What a rule does: look into a table, go on at another rule, or nothing. */
export type RuleAction = { readonly table: number } | { readonly goto: number } | 'nop' | 'other';

/** A rule: its selectors must all fit; those left out fit everything. */
export interface Rule {
  readonly family: Family;
  /** Smaller ones come first. */
  readonly priority: number;
  readonly action: RuleAction;
  /** Who made it (RTPROT_*). */
  readonly protocol: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  /** Interface it came in by; `lo` for packets of this host. */
  readonly iif?: string;
  /** All 32 bits count. */
  readonly fwmark?: number;
  readonly ipProto?: number;
  /** First and last port. */
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
}

/** The rule that an `RTM_NEWRULE` or `RTM_DELRULE` message is about; undefined for a family that is not IP. */
export function parseRule({ view }: NetlinkMessage): Rule | undefined {
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const a = attributes(view, FIB_RULE_HEADER);
  const from = readAddress(family, a.get(FRA_SRC));
  const to = readAddress(family, a.get(FRA_DST));
  const iif = a.get(FRA_IIFNAME);
  const fwmark = a.get(FRA_FWMARK);
  const ipProto = a.get(FRA_IP_PROTO);
  const sport = a.get(FRA_SPORT_RANGE);
  const dport = a.get(FRA_DPORT_RANGE);
  return {
    family,
    priority: a.get(FRA_PRIORITY)?.getUint32(0, LITTLE) ?? 0,
    action: action(view.getUint8(7), a, view.getUint8(4)),
    protocol: a.get(FRA_PROTOCOL)?.getUint8(0) ?? 0,
    ...(from && { from: { address: from, length: view.getUint8(2) } }),
    ...(to && { to: { address: to, length: view.getUint8(1) } }),
    ...(iif && { iif: attributeText(iif) }),
    ...(fwmark && { fwmark: fwmark.getUint32(0, LITTLE) }),
    ...(ipProto && { ipProto: ipProto.getUint8(0) }),
    ...(sport && { sport: [sport.getUint16(0, LITTLE), sport.getUint16(2, LITTLE)] as const }),
    ...(dport && { dport: [dport.getUint16(0, LITTLE), dport.getUint16(2, LITTLE)] as const }),
  };
}

/** All rules of a family, in their order. */
export function listRules(socket: NetlinkSocket, family: Family): Rule[] {
  const fixed = new Uint8Array(FIB_RULE_HEADER);
  fixed[0] = family;
  return socket
    .request(dump(RTM_GETRULE, fixed), 'RTM_GETRULE')
    .map(parseRule)
    .filter((rule) => rule !== undefined);
}

/** The request that adds a rule, behind those of the same priority. Refused with EEXIST when there is an equal one. */
export function ruleAddition(rule: Rule): NetlinkWriter {
  return withAttributes(change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, fixedPart(rule)), rule);
}

/** The request that deletes a rule. Refused with ENOENT when there is none such. */
export function ruleDeletion(rule: Rule): NetlinkWriter {
  return withAttributes(change(RTM_DELRULE, 0, fixedPart(rule)), rule);
}

/** Adds a rule. @throws SystemError, see {@link ruleAddition}. */
export function addRule(socket: NetlinkSocket, rule: Rule): void {
  socket.request(ruleAddition(rule), `RTM_NEWRULE ${rule.priority}`);
}

/** Deletes a rule. @throws SystemError, see {@link ruleDeletion}. */
export function deleteRule(socket: NetlinkSocket, rule: Rule): void {
  socket.request(ruleDeletion(rule), `RTM_DELRULE ${rule.priority}`);
}

function action(number: number, a: Map<number, DataView>, table: number): RuleAction {
  if (number === FR_ACT_TO_TBL) return { table: a.get(FRA_TABLE)?.getUint32(0, LITTLE) ?? table };
  if (number === FR_ACT_GOTO) return { goto: a.get(FRA_GOTO)?.getUint32(0, LITTLE) ?? 0 };
  return number === FR_ACT_NOP ? 'nop' : 'other';
}

function fixedPart(rule: Rule): Uint8Array {
  const { family, from, to } = rule;
  const number =
    rule.action === 'nop' ? FR_ACT_NOP : 'goto' in (rule.action as object) ? FR_ACT_GOTO : FR_ACT_TO_TBL;
  return Uint8Array.of(family, to?.length ?? 0, from?.length ?? 0, 0, 0, 0, 0, number, 0, 0, 0, 0);
}

function withAttributes(message: NetlinkWriter, rule: Rule): NetlinkWriter {
  message.u32(FRA_PRIORITY, rule.priority).u8(FRA_PROTOCOL, rule.protocol);
  if (typeof rule.action === 'object') {
    if ('table' in rule.action) message.u32(FRA_TABLE, rule.action.table);
    else message.u32(FRA_GOTO, rule.action.goto);
  }
  writeAddress(message, FRA_SRC, rule.from?.address);
  writeAddress(message, FRA_DST, rule.to?.address);
  if (rule.iif !== undefined) message.text(FRA_IIFNAME, rule.iif);
  if (rule.fwmark !== undefined) message.u32(FRA_FWMARK, rule.fwmark).u32(FRA_FWMASK, 0xffffffff);
  if (rule.ipProto !== undefined) message.u8(FRA_IP_PROTO, rule.ipProto);
  if (rule.sport !== undefined) message.u16pair(FRA_SPORT_RANGE, rule.sport[0], rule.sport[1]);
  if (rule.dport !== undefined) message.u16pair(FRA_DPORT_RANGE, rule.dport[0], rule.dport[1]);
  return message;
}
