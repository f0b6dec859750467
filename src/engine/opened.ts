/** Connections that the fast path has opened: made here as if their first packet had come to the engine, but for sending and counting it. */
import { packetCarried } from './carried.js';
import { connExpireNow, connNew, connSetTimeout } from './conn.js';
import { C_FLAGS, C_NCONTROL, type ConnKey, HOT_SHIFT, NO_CONN } from './conn-table.js';
import type { Dest } from './dest.js';
import { CONN_F_CARRIED, IPPROTO_TCP } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { DIR_INPUT } from './protocol.js';
import { stateTimeout } from './state-timeouts.js';
import { connStats } from './traffic.js';

/**
 * A connection was opened to `dest`, which must be in use.
 * @param flags of a TCP segment: FIN, SYN, RST and ACK.
 * @param jiffies when its first packet passed.
 * @returns its number; `NO_CONN` when there is no room, or when the engine has opened one at the same time, which then is the one.
 */
export function connOpened(
  ipvs: NetnsIpvs,
  key: ConnKey,
  dest: Dest,
  flags: number,
  jiffies: number,
): number {
  const { conns } = ipvs;
  const old = conns.findIn(key);
  if (old !== NO_CONN) {
    const h = old << HOT_SHIFT;
    if ((conns.hot[h + C_FLAGS]! & CONN_F_CARRIED) !== 0 || conns.hot[h + C_NCONTROL] !== 0) return NO_CONN;
    // one that is ending, which nobody carries: its client has begun anew
    connExpireNow(ipvs, old);
  }
  const c = connNew(ipvs, key, dest.addr.family, dest.addr.words, dest.port || key.vport, 0, dest, 0);
  if (c === NO_CONN) return c;
  if (dest.svc !== null) connStats(ipvs, dest, dest.svc);
  if (key.protocol !== IPPROTO_TCP)
    connSetTimeout(ipvs, c, stateTimeout(ipvs, ipvs.protoData[key.protocol]!, c, 0));
  packetCarried(ipvs, c, DIR_INPUT, flags, jiffies);
  return c;
}
