/** Client ports that are used again: the option `reusePorts` of a service. */
import { destOf } from './conn.js';
import { C_STATE, HOT_SHIFT } from './conn-table.js';
import { IPPROTO_SCTP, IPPROTO_TCP } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import {
  SCTP_S_CLOSED,
  SCTP_S_SHUTDOWN_ACK_SENT,
  SCTP_S_SHUTDOWN_RECEIVED,
  SCTP_S_SHUTDOWN_SENT,
} from './sctp-states.js';
import {
  TCP_S_CLOSE,
  TCP_S_CLOSE_WAIT,
  TCP_S_FIN_WAIT,
  TCP_S_LAST_ACK,
  TCP_S_TIME_WAIT,
} from './tcp-states.js';

/** States that a connection does not come back from, as bits: a client that begins anew has left it. */
const TCP_ENDING =
  (1 << TCP_S_FIN_WAIT) |
  (1 << TCP_S_TIME_WAIT) |
  (1 << TCP_S_CLOSE) |
  (1 << TCP_S_CLOSE_WAIT) |
  (1 << TCP_S_LAST_ACK);
const SCTP_ENDING =
  (1 << SCTP_S_SHUTDOWN_SENT) |
  (1 << SCTP_S_SHUTDOWN_RECEIVED) |
  (1 << SCTP_S_SHUTDOWN_ACK_SENT) |
  (1 << SCTP_S_CLOSED);

/**
 * A packet that begins a connection has found connection `c`: whether it is to be scheduled anew because its service says so, whatever
 * `conn_reuse_mode`, and a template, say. A connection whose server is gone is over in every state.
 */
export function reusesPort(ipvs: NetnsIpvs, c: number): boolean {
  const dest = destOf(ipvs, c);
  if (!dest?.svc?.options.reusePorts) return false;
  if (!dest.available) return true;
  const state = 1 << (ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff);
  const protocol = ipvs.conns.protocol(c);
  if (protocol === IPPROTO_TCP) return (TCP_ENDING & state) !== 0;
  return protocol === IPPROTO_SCTP && (SCTP_ENDING & state) !== 0;
}
