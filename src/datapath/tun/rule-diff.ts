/** The difference between two sets of routing rules. */
import type { Prefix, Rule } from '../../linux/rt-rule.js';
import { inetToString } from '../../wire/inet.js';

/** What leads from one set to the other. */
export interface RuleDiff {
  readonly add: Rule[];
  readonly remove: Rule[];
}

/** A text that two rules share exactly when they are equal. */
export function ruleKey(rule: Rule): string {
  const prefix = (p: Prefix | undefined): string =>
    p === undefined ? '' : `${inetToString(p.address)}/${p.length}`;
  const action = typeof rule.action === 'string' ? rule.action : JSON.stringify(rule.action);
  const { family, priority, protocol, iif = '', fwmark = '', ipProto = '', sport = '', dport = '' } = rule;
  return [
    family,
    priority,
    protocol,
    action,
    prefix(rule.from),
    prefix(rule.to),
    iif,
    fwmark,
    ipProto,
    sport,
    dport,
  ].join(' ');
}

/**
 * Additions come from the last place to the first, so that the target of a jump is there before the jump; removals
 * the other way round.
 */
export function diffRules(from: readonly Rule[], to: readonly Rule[]): RuleDiff {
  const before = new Set(from.map(ruleKey));
  const after = new Set(to.map(ruleKey));
  const byPriority = (a: Rule, b: Rule): number => a.priority - b.priority;
  return {
    add: to.filter((rule) => !before.has(ruleKey(rule))).sort((a, b) => byPriority(b, a)),
    remove: from.filter((rule) => !after.has(ruleKey(rule))).sort(byPriority),
  };
}
