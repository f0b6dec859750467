/** Path MTUs that were learnt from "fragmentation needed" and "packet too big" (RFC 1191, RFC 8201). */
import { AF_INET, type InetAddr, inetToString } from '../../wire/inet.js';

/** How long one is good, ms (`mtu_expires`). */
const LIFETIME = 600_000;
/** Smaller ones are not believed (`min_pmtu`; RFC 8200 5): IPv4 takes this instead, IPv6 takes no notice. */
const MIN4 = 552;
const MIN6 = 1280;

/** By destination address. */
export class PathMtus {
  readonly #learnt = new Map<string, { mtu: number; until: number }>();
  #generation = 0;

  /** Path MTU towards `daddr`, or Infinity. */
  get(daddr: InetAddr, now: number): number {
    const entry = this.#learnt.get(inetToString(daddr));
    return entry !== undefined && entry.until > now ? entry.mtu : Number.POSITIVE_INFINITY;
  }

  /**
   * Learns one, unless a smaller one is known. (IPv4 also notes one that tells nothing new: the route is then one with an MTU of its own.)
   * @param current what the route has now.
   */
  update(daddr: InetAddr, mtu: number, current: number, now: number): void {
    const v4 = daddr.family === AF_INET;
    if (v4 ? mtu > current : mtu < MIN6 || mtu >= current) return;
    const believed = v4 ? Math.max(mtu, Math.min(MIN4, current)) : mtu;
    const known = this.#learnt.get(inetToString(daddr));
    if (known?.mtu === believed && known.until - now > LIFETIME / 2) return;
    this.#learnt.set(inetToString(daddr), { mtu: believed, until: now + LIFETIME });
    this.#generation++;
  }

  /** A number that changes with each of them that comes or goes. */
  generation(now: number): number {
    for (const [key, entry] of this.#learnt) {
      if (entry.until > now) continue;
      this.#learnt.delete(key);
      this.#generation++;
    }
    return this.#generation;
  }
}
