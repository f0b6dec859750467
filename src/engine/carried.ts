/** What packets that the fast path has carried do to their connections: all that the engine would have done but sending them and counting them. */
import { TCP_ACK } from '../wire/tcp.js';
import { controlAssureCt } from './conn.js';
import { C_CONTROL, C_EXPIRES, C_FLAGS, C_STATE, C_TIMEOUT, HOT_SHIFT } from './conn-table.js';
import { CONN_F_CARRIED, IPPROTO_TCP } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { setTcpState } from './proto-tcp.js';
import { DIR_INPUT, DIR_OUTPUT } from './protocol.js';
import { SYNC_STATE_MASTER } from './sync/daemon.js';
import { syncConn } from './sync/master.js';
import { TCP_ACK_MOVES } from './tcp-states.js';

/** A number of a packet that no threshold names. */
const NOT_DUE = -1;

/**
 * A packet of connection `c` was carried.
 * @param direction `DIR_INPUT` or `DIR_OUTPUT`.
 * @param flags of a TCP segment: FIN, SYN, RST and ACK.
 * @param jiffies when it passed.
 * @param due while a master runs: its number is one of those that `sync_threshold` names.
 */
export function packetCarried(
  ipvs: NetnsIpvs,
  c: number,
  direction: number,
  flags: number,
  jiffies: number,
  due = false,
): void {
  const { hot } = ipvs.conns;
  const h = c << HOT_SHIFT;
  const protocol = ipvs.conns.protocol(c);
  if (protocol === IPPROTO_TCP) {
    setTcpState(ipvs, ipvs.protoData[protocol]!, c, direction, flags);
    // the fast path tells of one acknowledgement: where more may matter, the engine sees them itself
    const moves = (TCP_ACK_MOVES >> (hot[h + C_STATE]! & 0xff)) & 1;
    if (flags === TCP_ACK && moves !== 0 && (hot[h + C_FLAGS]! & CONN_F_CARRIED) !== 0)
      ipvs.fastPath!.withdraw(c);
  } else if (direction === DIR_OUTPUT) controlAssureCt(ipvs, c);
  // any number does that is due, or is not
  if ((ipvs.syncState & SYNC_STATE_MASTER) !== 0 && direction === DIR_INPUT)
    syncConn(ipvs, c, due ? ipvs.sysctls.values.sync_threshold : NOT_DUE, jiffies);
  const expires = (jiffies + hot[h + C_TIMEOUT]!) | 0;
  const sooner = ((expires - hot[h + C_EXPIRES]!) | 0) < 0;
  hot[h + C_EXPIRES] = expires;
  if (sooner || hot[h + C_CONTROL] !== 0) ipvs.connTimers.set(c, expires);
}
