/** The trash: removed dests, kept while connections refer to them, and found again when they are added back (`dest_trash`). */
import { inetEqual } from '../wire/inet.js';
import type { Dest, DestUser } from './dest.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { Service } from './service.js';

/** Seconds a dest without connections stays. */
export const TRASH_PERIOD = 120;

/** Puts a removed dest away. */
export function trash(ipvs: NetnsIpvs, dest: Dest): void {
  dest.idleStart = 0;
  ipvs.destTrash.push(dest);
  ipvs.net.armTrash();
}

/** Takes out the dest that was this real server of this service, if it is there (`ip_vs_trash_get_dest`). */
export function trashGet(ipvs: NetnsIpvs, svc: Service, user: DestUser): Dest | undefined {
  const at = ipvs.destTrash.findIndex(
    (d) =>
      !d.probe &&
      d.port === user.port &&
      d.vfwmark === svc.fwmark &&
      d.protocol === svc.protocol &&
      inetEqual(d.addr, user.addr) &&
      (svc.fwmark !== 0 || (d.vport === svc.port && inetEqual(d.vaddr, svc.addr))),
  );
  return at < 0 ? undefined : ipvs.destTrash.splice(at, 1)[0];
}

/** Frees what has been idle long enough (`ip_vs_dest_trash_expire`). */
export function collectTrash(ipvs: NetnsIpvs): void {
  const { jiffies, hz } = ipvs.net;
  for (let i = ipvs.destTrash.length - 1; i >= 0; i--) {
    const dest = ipvs.destTrash[i]!;
    if (dest.refcnt > 0) continue;
    if (dest.idleStart === 0) {
      dest.idleStart = jiffies || 1;
    } else if (((jiffies - dest.idleStart) | 0) >= TRASH_PERIOD * hz) {
      ipvs.destTrash.splice(i, 1);
      ipvs.dests[dest.index] = null;
      ipvs.freeDests.push(dest.index);
    }
  }
}
