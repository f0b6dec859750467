/** Path MTUs learnt from ICMP errors about tunnels: exceptions from a route's own, as the kernel keeps them. */
import { AF_INET, type InetAddr, inetToString } from '../../wire/inet.js';

/** How long one is believed (`net.ipv4.route.mtu_expires`), ms. */
const LIFE = 600_000;
/** Nobody is believed who claims less (`net.ipv4.route.min_pmtu`; RFC 8200 5). */
const MINIMUM_4 = 552;
const MINIMUM_6 = 1280;
/** A flood of forged errors must not fill the memory. */
const LIMIT = 4096;

/** Exceptions by destination. */
export class PathMtu {
  readonly #exceptions = new Map<string, { mtu: number; until: number }>();

  /** Nothing is believed. */
  get empty(): boolean {
    return this.#exceptions.size === 0;
  }

  /**
   * Learns an MTU towards `destination`.
   * @param current what is believed now. @returns true when that has become smaller.
   */
  learn(destination: InetAddr, mtu: number, current: number, now: number): boolean {
    const believed = Math.max(mtu, destination.family === AF_INET ? MINIMUM_4 : MINIMUM_6);
    const key = inetToString(destination);
    if (believed >= current) return false;
    if (this.#exceptions.size >= LIMIT && !this.#exceptions.has(key)) {
      this.#exceptions.delete(this.#exceptions.keys().next().value!);
    }
    this.#exceptions.set(key, { mtu: believed, until: now + LIFE });
    return true;
  }

  /** The MTU towards `destination` when the route's own is `mtu`. */
  apply(destination: InetAddr, mtu: number): number {
    return Math.min(mtu, this.#exceptions.get(inetToString(destination))?.mtu ?? mtu);
  }

  /** Forgets what is too old. @returns true when there was something. */
  expire(now: number): boolean {
    let changed = false;
    for (const [key, { until }] of this.#exceptions) {
      if (until <= now) changed = this.#exceptions.delete(key);
    }
    return changed;
  }
}
