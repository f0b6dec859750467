/** The routing rules and routes that steer, kept in the kernel as the services change. */
import { EEXIST, ENOENT, ESRCH, SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { hostRouteAddition, hostRouteDeletion, listRoutes } from '../../linux/rt-route.js';
import { type Rule, ruleAddition, ruleDeletion } from '../../linux/rt-rule.js';
import { RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import { type Family, type InetAddr, inetToString } from '../../wire/inet.js';
import type { NetlinkWriter } from '../../wire/netlink.js';
import { diffRules } from './rule-diff.js';

/** Addresses by a text that is equal for equal ones. */
export interface KeyedAddresses {
  has(key: string): boolean;
  entries(): Iterable<readonly [key: string, address: InetAddr]>;
}

/** A change that the kernel is asked for, and what is so when it is done. */
interface Change {
  readonly request: NetlinkWriter;
  readonly done: () => void;
}

/** Applies one state after the other, touching only what differs. What was done of a change that fails is known at the next. */
export class SteeringTable {
  readonly #socket: NetlinkSocket;
  readonly #families: readonly Family[];
  #rules: readonly Rule[] = [];
  /** By table and address. */
  readonly #routes = new Map<number, Map<string, InetAddr>>();

  /** @param families that this machine has: routes of others are left out. */
  constructor(socket: NetlinkSocket, families: readonly Family[]) {
    this.#socket = socket;
    this.#families = families;
  }

  /** Takes what an earlier process has left for its own, so that the next change is one from there. @param tables of virtual addresses. */
  adopt(rules: readonly Rule[], tables: readonly number[]): void {
    this.#rules = rules;
    for (const table of tables) {
      const known = this.#routesOf(table);
      for (const family of this.#families) {
        for (const { destination, protocol } of listRoutes(this.#socket, family, table)) {
          if (protocol === RTPROT_IPVSD) known.set(inetToString(destination), destination);
        }
      }
    }
  }

  /** Makes `rules` the ones in the kernel. @throws SystemError */
  applyRules(rules: readonly Rule[]): void {
    const { add, remove } = diffRules(this.#rules, rules);
    if (add.length + remove.length === 0) return;
    const now = new Set(this.#rules);
    try {
      this.#carryOut(
        'RTM_NEWRULE',
        EEXIST,
        add.map((rule) => ({ request: ruleAddition(rule), done: () => now.add(rule) })),
      );
      this.#carryOut(
        'RTM_DELRULE',
        ENOENT,
        remove.map((rule) => ({ request: ruleDeletion(rule), done: () => now.delete(rule) })),
      );
    } finally {
      this.#rules = [...now];
    }
  }

  /** Adds the routes out of interface `ifindex` that `table` lacks. @throws SystemError */
  addRoutes(table: number, addresses: KeyedAddresses, ifindex: number): void {
    const known = this.#routesOf(table);
    const changes: Change[] = [];
    for (const [key, address] of addresses.entries()) {
      if (known.has(key) || !this.#families.includes(address.family)) continue;
      changes.push({
        request: hostRouteAddition(table, address, ifindex),
        done: () => known.set(key, address),
      });
    }
    this.#carryOut('RTM_NEWROUTE', EEXIST, changes);
  }

  /** Removes the routes of `table` that are not for `addresses`. @throws SystemError */
  removeRoutes(table: number, addresses: KeyedAddresses): void {
    const known = this.#routesOf(table);
    const changes: Change[] = [];
    for (const [key, address] of known) {
      if (addresses.has(key)) continue;
      changes.push({ request: hostRouteDeletion(table, address), done: () => known.delete(key) });
    }
    this.#carryOut('RTM_DELROUTE', ESRCH, changes);
  }

  #routesOf(table: number): Map<string, InetAddr> {
    let routes = this.#routes.get(table);
    if (routes === undefined) {
      routes = new Map();
      this.#routes.set(table, routes);
    }
    return routes;
  }

  /** @param harmless the error that means that somebody else has done it already. */
  #carryOut(call: string, harmless: number, changes: readonly Change[]): void {
    const errors = this.#socket.requestAll(
      changes.map(({ request }) => request),
      call,
    );
    let failure = 0;
    for (const [i, { done }] of changes.entries()) {
      if (errors[i] === 0 || errors[i] === harmless) done();
      else failure ||= errors[i]!;
    }
    if (failure !== 0) throw new SystemError(call, failure);
  }
}
