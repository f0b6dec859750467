/** The trash: removed dests, kept while connections refer to them, and found again when they are added back (`dest_trash`). */
import { inetEqual } from '../wire/inet.js';
import type { Dest, DestUser } from './dest.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { Service } from './service.js';

/** Seconds a dest without connections stays. */
export const TRASH_PERIOD = 120;

/** Removed dests, the oldest first. The kernel walks a list; here a hash finds one among a hundred thousand that were removed together. */
export class DestTrash {
  /** How many have ever come. */
  added = 0;
  private readonly all = new Set<Dest>();
  private readonly buckets = new Map<number, Dest[]>();

  get size(): number {
    return this.all.size;
  }

  [Symbol.iterator](): IterableIterator<Dest> {
    return this.all.values();
  }

  add(dest: Dest): void {
    this.added++;
    this.all.add(dest);
    const hash = hashOf(dest, dest.vfwmark || dest.vport);
    const bucket = this.buckets.get(hash);
    if (bucket === undefined) this.buckets.set(hash, [dest]);
    else bucket.push(dest);
  }

  delete(dest: Dest): void {
    this.all.delete(dest);
    const hash = hashOf(dest, dest.vfwmark || dest.vport);
    const bucket = this.buckets.get(hash)!;
    if (bucket.length === 1) this.buckets.delete(hash);
    else bucket.splice(bucket.indexOf(dest), 1);
  }

  /** The dest that was this real server of this service. */
  find(svc: Service, user: DestUser): Dest | undefined {
    return this.buckets
      .get(hashOf(user, svc.fwmark || svc.port))
      ?.find(
        (d) =>
          !d.probe &&
          d.port === user.port &&
          d.vfwmark === svc.fwmark &&
          d.protocol === svc.protocol &&
          inetEqual(d.addr, user.addr) &&
          (svc.fwmark !== 0 || (d.vport === svc.port && inetEqual(d.vaddr, svc.addr))),
      );
  }
}

/** @param of the service's firewall mark, or else its port. */
function hashOf({ addr: { words }, port }: Pick<Dest, 'addr' | 'port'>, of: number): number {
  return (words[0]! ^ words[1]! ^ words[2]! ^ words[3]! ^ (port << 16) ^ of) | 0;
}

/** Puts a removed dest away. */
export function trash(ipvs: NetnsIpvs, dest: Dest): void {
  dest.idleStart = 0;
  ipvs.destTrash.add(dest);
  ipvs.net.armTrash();
}

/** Takes out the dest that was this real server of this service, if it is there (`ip_vs_trash_get_dest`). */
export function trashGet(ipvs: NetnsIpvs, svc: Service, user: DestUser): Dest | undefined {
  const dest = ipvs.destTrash.find(svc, user);
  if (dest !== undefined) ipvs.destTrash.delete(dest);
  return dest;
}

/** Frees what has been idle long enough (`ip_vs_dest_trash_expire`). */
export function collectTrash(ipvs: NetnsIpvs): void {
  const { jiffies, hz } = ipvs.net;
  for (const dest of ipvs.destTrash) {
    if (dest.refcnt > 0) continue;
    if (dest.idleStart === 0) {
      dest.idleStart = jiffies || 1;
    } else if (((jiffies - dest.idleStart) | 0) >= TRASH_PERIOD * hz) {
      ipvs.destTrash.delete(dest);
      ipvs.dests[dest.index] = null;
      ipvs.freeDests.push(dest.index);
    }
  }
}
