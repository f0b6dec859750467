/** The director's routing: rules, tables, longest prefix. What `ip rule`, `ip route` and the kernel's own local table say together. */
import { AF_INET, type Family, type InetAddr, inetEqual } from '../../wire/inet.js';
import { type Prefix, prefixCovers } from './prefix.js';

/** An interface. */
export interface Link {
  readonly name: string;
  readonly ifindex: number;
  readonly loopback: boolean;
  /** What results call the side of the director it is on. */
  readonly side: string;
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Bytes. */
  mtu: number;
  up: boolean;
}

/** Smallest MTU with which a link does IPv6 (RFC 8200 5). */
const IPV6_MIN_MTU = 1280;

/** Whether a link does that family. */
export const speaks = (link: Link, family: number): boolean => family === AF_INET || link.mtu >= IPV6_MIN_MTU;

/** `RTN_*`. */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'unreachable'
  | 'prohibit'
  | 'blackhole'
  | 'throw';

/** Table numbers that have names. */
export const TABLES: Readonly<Record<string, number>> = { local: 255, main: 254, default: 253 };

/** One route of a table. */
export interface FibRoute {
  readonly table: number;
  readonly prefix: Prefix;
  readonly type: RouteType;
  /** The gateway. */
  readonly via: InetAddr | undefined;
  readonly link: Link;
  /** The route's own MTU, bytes, or 0. */
  mtu: number;
  /** Preferred source address. */
  readonly source: InetAddr | undefined;
  readonly metric: number;
  /** It follows from an address (`proto kernel`). */
  readonly kernel: boolean;
}

/** One rule; those of the local, main and default tables are built in. */
export interface FibRule {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  readonly mark: number | undefined;
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly iif: string | undefined;
}

/** What a look-up may depend on besides the destination. */
export interface FibKey {
  readonly mark?: number;
  readonly source?: InetAddr;
  /** The interface that the packet came in by. */
  readonly iif?: Link;
  /** The interface that a packet to a link-local address leaves by. */
  readonly oif?: Link;
}

/** Rules and tables of one namespace. */
export class Fib {
  readonly routes: FibRoute[] = [];
  readonly rules: FibRule[] = [];

  /** The route to `daddr`, or undefined when no table has one. */
  lookup(daddr: InetAddr, key: FibKey = {}): FibRoute | undefined {
    for (const table of this.#tables(daddr, key)) {
      const found = this.#longest(table, daddr, key);
      if (found !== undefined && found.type !== 'throw') return found;
    }
    return undefined;
  }

  /** True when the table `local` says that the address at `words[at]` is this host's. */
  isLocal(family: number, words: Int32Array, at: number): boolean {
    for (const route of this.routes) {
      if (
        route.table === TABLES.local &&
        route.type === 'local' &&
        route.prefix.addr.family === family &&
        prefixCovers(route.prefix, words, at)
      ) {
        return true;
      }
    }
    return false;
  }

  /** True when somebody added rules, so that a source address needs a full look-up. */
  hasRules(family: Family): boolean {
    return this.rules.some((rule) => rule.family === family);
  }

  *#tables(daddr: InetAddr, key: FibKey): Generator<number> {
    yield TABLES.local!;
    for (const rule of this.rules) {
      if (rule.family === daddr.family && ruleMatches(rule, daddr, key)) yield rule.table;
    }
    yield TABLES.main!;
    yield TABLES.default!;
  }

  #longest(table: number, daddr: InetAddr, key: FibKey): FibRoute | undefined {
    const linkLocal = isLinkLocal(daddr);
    let best: FibRoute | undefined;
    for (const route of this.routes) {
      if (route.table !== table || route.prefix.addr.family !== daddr.family) continue;
      if (!route.link.up && route.type !== 'local') continue;
      if (linkLocal && route.link !== (key.oif ?? key.iif)) continue;
      if (best !== undefined) {
        if (route.prefix.length < best.prefix.length) continue;
        if (route.prefix.length === best.prefix.length && route.metric >= best.metric) continue;
      }
      if (prefixCovers(route.prefix, daddr.words)) best = route;
    }
    return best;
  }
}

function ruleMatches(rule: FibRule, daddr: InetAddr, key: FibKey): boolean {
  if (rule.mark !== undefined && rule.mark !== (key.mark ?? 0)) return false;
  if (rule.iif !== undefined && rule.iif !== key.iif?.name) return false;
  if (rule.from !== undefined && rule.from.length > 0) {
    if (key.source === undefined || !prefixCovers(rule.from, key.source.words)) return false;
  }
  return rule.to === undefined || prefixCovers(rule.to, daddr.words);
}

/** fe80::/10. */
export function isLinkLocal(addr: InetAddr): boolean {
  return addr.family !== AF_INET && (addr.words[0]! & 0xffc00000) >>> 0 === 0xfe800000;
}

/** Equal address and length. */
export function prefixEqual(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && inetEqual(a.addr, b.addr);
}
