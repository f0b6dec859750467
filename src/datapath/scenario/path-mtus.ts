/** Path MTUs that were learnt from "fragmentation needed" and "packet too big" (RFC 1191, RFC 8201): the `fib_nh_exception` of routes. */
import type { Route } from '../../engine/host.js';
import { AF_INET, type InetAddr, inetToString } from '../../wire/inet.js';
import type { FibRoute, Link } from './fib.js';

/** How long one is good, ms (`mtu_expires`). */
const LIFETIME = 600_000;
/** Smaller ones are not believed (`min_pmtu`; RFC 8200 5): IPv4 takes this instead, and hears no more; IPv6 takes no notice. */
const MIN4 = 552;
const MIN6 = 1280;
/** What a way out has left when what it was made of is gone (`blackhole_netdev`). */
const DEAD_MTU = 68;

/** A way out whose MTU follows what is learnt, as long as no route changes. */
export type LearntWay = { -readonly [K in keyof Route]: Route[K] };

/** What was learnt of the path to one destination by one route. */
export interface PathMtu {
  mtu: number;
  /** IPv4: it was smaller than what is believed. */
  locked: boolean;
  /** ms. */
  until: number;
  /** The way out that was made of it, and the generation of routes that it is good for. */
  way?: LearntWay;
  wayGeneration?: number;
  /** MTU of that way when this is too old. */
  plainMtu?: number;
  /** IPv4: it is too old, which the next look-up finds. */
  expired?: boolean;
}

/** By route and destination: another route to the same place knows nothing of it. */
export class PathMtus {
  readonly #learnt = new Map<FibRoute, Map<string, PathMtu>>();
  #generation = 0;
  #expired = 0;

  /** What is known of the path to `daddr` by `route`. @param now ms. */
  find(route: FibRoute, daddr: InetAddr, now: number): PathMtu | undefined {
    this.#expire(now);
    const entry = this.#learnt.get(route)?.get(inetToString(daddr));
    if (entry?.expired !== true) return entry;
    if (entry.way !== undefined) entry.way.mtu = DEAD_MTU;
    this.#remove(route, inetToString(daddr));
    return undefined;
  }

  /**
   * Learns one, unless a smaller one is known. (IPv4 also notes one that tells nothing new: the route is then one with an MTU of its own.)
   * @param current what the route has now.
   */
  update(route: FibRoute, daddr: InetAddr, mtu: number, current: number, now: number): void {
    const v4 = daddr.family === AF_INET;
    if (v4 ? mtu > current : mtu < MIN6 || mtu >= current) return;
    const locked = v4 && mtu < MIN4;
    const believed = locked ? Math.min(current, MIN4) : mtu;
    const known = this.find(route, daddr, now);
    if (known?.locked) return;
    if (known?.mtu === believed && !locked && known.until - now > LIFETIME / 2) return;
    const entry = known ?? { mtu: believed, locked, until: 0 };
    entry.mtu = believed;
    entry.locked = locked;
    entry.until = now + LIFETIME;
    if (entry.way !== undefined) entry.way.mtu = believed;
    if (known !== undefined) return;
    const ofRoute = this.#learnt.get(route) ?? new Map<string, PathMtu>();
    this.#learnt.set(route, ofRoute.set(inetToString(daddr), entry));
    this.#generation++;
  }

  /** A link has another MTU: no path by it takes more, and those that took all that it did go on doing so (`fib_nhc_update_mtu`). */
  linkChanged(link: Link, mtu: number, before: number): void {
    for (const [route, entries] of this.#learnt) {
      if (route.link !== link) continue;
      for (const entry of entries.values()) {
        if (mtu > entry.mtu && (entry.locked || before !== entry.mtu)) continue;
        entry.mtu = mtu;
        entry.locked = false;
      }
    }
  }

  /** A number that changes with each of them that comes or goes: ways out that were found before are to be looked up again. */
  generation(now: number): number {
    this.#expire(now);
    return this.#generation;
  }

  /** A number that changes when a look-up may find something else, even if ways out that were found before are good still. */
  lookupGeneration(now: number): number {
    return this.generation(now) + this.#expired;
  }

  /** An IPv4 way out outlives what was learnt, without it, until somebody else looks the same up; one of IPv6 does not. */
  #expire(now: number): void {
    for (const [route, entries] of this.#learnt) {
      for (const [key, entry] of entries) {
        if (entry.until > now || entry.expired) continue;
        if (route.prefix.addr.family === AF_INET) {
          entry.expired = true;
          this.#expired++;
          if (entry.way !== undefined) entry.way.mtu = entry.plainMtu ?? entry.mtu;
        } else this.#remove(route, key);
      }
    }
  }

  #remove(route: FibRoute, key: string): void {
    const entries = this.#learnt.get(route);
    entries?.delete(key);
    if (entries?.size === 0) this.#learnt.delete(route);
    this.#generation++;
  }
}
