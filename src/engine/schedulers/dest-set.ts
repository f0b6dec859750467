/** The dests that serve one address under lblcr (`ip_vs_dest_set`). */
import type { Dest } from '../dest.js';
import { connOverhead, loadedMore, usable } from './load.js';

/** A set of dests, each held against removal from the trash, the newest member first. */
export class DestSet {
  /** Jiffies of the last change. */
  lastmod = 0;
  private readonly members: Dest[] = [];

  get size(): number {
    return this.members.length;
  }

  has(dest: Dest): boolean {
    return this.members.includes(dest);
  }

  /** Adds a dest unless it is a member already. */
  insert(dest: Dest, now: number): void {
    if (this.has(dest)) return;
    dest.refcnt++;
    this.members.unshift(dest);
    this.lastmod = now;
  }

  /** Removes the member with the most load for its weight, of those that have a weight; the first of equals. */
  eraseMost(now: number): void {
    let most: Dest | null = null;
    for (const dest of this.members) {
      if (dest.weight === 0) continue;
      if (most === null || loadedMore(connOverhead(dest), dest.weight, connOverhead(most), most.weight))
        most = dest;
    }
    if (most === null) return;
    this.members.splice(this.members.indexOf(most), 1);
    most.refcnt--;
    this.lastmod = now;
  }

  /** The usable member, still one of its service's, with the least load for its weight; the first of equals. */
  least(): Dest | null {
    let least: Dest | null = null;
    for (let i = 0; i < this.members.length; i++) {
      const dest = this.members[i]!;
      if (!usable(dest) || !dest.available) continue;
      if (least === null || loadedMore(connOverhead(least), least.weight, connOverhead(dest), dest.weight))
        least = dest;
    }
    return least;
  }

  /** Removes all members. */
  clear(): void {
    for (const dest of this.members) dest.refcnt--;
    this.members.length = 0;
  }
}
