/** UDP connections that do not outlive their server: the option `clearUdp` of a service. */
import { connDelete } from './conn.js';
import { C_DEST, C_NCONTROL, HOT_SHIFT } from './conn-table.js';
import type { Dest } from './dest.js';
import { IPPROTO_UDP } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/**
 * Ends the UDP connections and templates of a server that takes no more: a client that sends on is scheduled anew. Looks at every connection
 * there is.
 */
export function clearUdp(ipvs: NetnsIpvs, dest: Dest): void {
  const t = ipvs.conns;
  const of = (c: number): boolean =>
    t.isUsed(c) && t.hot[(c << HOT_SHIFT) + C_DEST] === dest.index + 1 && t.protocol(c) === IPPROTO_UDP;
  // templates are held by their connections: they go after them
  for (let pass = 0; pass < 2 && dest.refcnt > 0; pass++) {
    for (let c = 0; c < t.highWater; c++) {
      if (of(c) && t.hot[(c << HOT_SHIFT) + C_NCONTROL] === 0) connDelete(ipvs, c);
    }
  }
}
