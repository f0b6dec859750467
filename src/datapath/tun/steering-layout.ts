/** Where the rules that steer stand, and what they have in common. */
import type { Rule, RuleAction } from '../../linux/rt-rule.js';
import { RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import type { Family } from '../../wire/inet.js';

/** Where the rules lead and stand. */
export interface SteeringLayout {
  /** Name of the TUN device. */
  readonly device: string;
  /** Routing table whose default route is the TUN device; {@link virtualTable} and {@link wholeTable} follow it. */
  readonly table: number;
  /** Priority of the first rule; {@link RULE_PRIORITIES} of them are used. */
  readonly priority: number;
  /** Families that this machine has. */
  readonly families: readonly Family[];
  /** Routing table that leads to the TUN device of a firewall mark. */
  markTable(mark: number): number;
}

// places of the groups, from the layout's priority on
export const FROM_TUN = 0;
export const LINK_LOCAL = 1;
export const MARKS = 2;
export const ANSWERS = 3;
export const SERVICES_START = 6;
export const SERVICES = 7;
export const ICMP_START = 10;
export const ICMP_IN = 11;
export const LOCAL = 12;
export const FORWARD_START = 13;
export const ICMP_FORWARD = 14;
export const END = 15;

/** How many priorities the rules take up. */
export const RULE_PRIORITIES = 16;

/**
 * Rules for answers, and rules for ports of services, that a family has at most: each packet of the machine walks them, at some 15 ns a rule
 * (50 ns for IPv6).
 */
export const MOST_RULES = 64;
/** The ports that a rule can tell from fragments, which have none: the kernel takes no range that ends at 65535. That port goes the way of fragments. */
export const PORTS = [1, 65_534] as const;

/** Table whose routes are the virtual addresses. */
export function virtualTable(table: number): number {
  return table + 1;
}

/** Table whose routes are the virtual addresses of which every port is steered. */
export function wholeTable(table: number): number {
  return table + 2;
}

/** How many tables there are before those of firewall marks. */
export const TABLES = 3;

/** The beginning of a rule at the place `group`. */
export function base(family: Family, layout: SteeringLayout, group: number, action: RuleAction): Rule {
  return { family, priority: layout.priority + group, action, protocol: RTPROT_IPVSD };
}

/** A rule at the place `group` that goes on at the place `target`. */
export function jump(family: Family, layout: SteeringLayout, group: number, target: number): Rule {
  return base(family, layout, group, { goto: layout.priority + target });
}

/** The protocols that are steered by ports. */
export function withPorts(ports: readonly { protocol: number; port: number }[]): Set<number> {
  return new Set(ports.filter(({ port }) => port !== 0).map(({ protocol }) => protocol));
}
