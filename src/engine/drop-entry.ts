/** `drop_entry`: connections that seem to be given up are dropped at random, so that memory comes back (`ip_vs_random_dropentry`). */
import { CTPL_S_ASSURED, connDelete, destOf } from './conn.js';
import { C_EXPIRES, C_FLAGS, C_INPKTS, C_NCONTROL, C_STATE, C_TIMEOUT, HOT_SHIFT } from './conn-table.js';
import { CONN_F_TEMPLATE, IPPROTO_SCTP, IPPROTO_TCP } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { SCTP_S_ESTABLISHED, SCTP_S_INIT, SCTP_S_INIT1 } from './sctp-states.js';
import { TCP_S_ESTABLISHED, TCP_S_SYN_RECV, TCP_S_SYNACK } from './tcp-states.js';

/** Of the table, one part of so many is looked at each second. */
const PARTS = 32;
/** Seconds in which a connection's last packet protects it. */
const FRESH = 60;
/** Connections of more packets are in use. Of those with `i` packets, one in `i` is dropped. */
const PACKETS_MAX = 8;

/** Looks at one part of the table, taken at random. To be called once a second while the defence is at work. */
export function dropEntries(ipvs: NetnsIpvs): void {
  const { conns, net } = ipvs;
  const places = conns.highWater;
  // the rest of the division is made up for by chance
  const looks = Math.floor(places / PARTS + net.random() / 0x1_0000_0000);
  for (let i = 0; i < looks; i++) {
    const c = Math.floor((net.random() / 0x1_0000_0000) * places);
    if (conns.isUsed(c) && conns.hot[(c << HOT_SHIFT) + C_NCONTROL] === 0 && isToGo(ipvs, c))
      connDelete(ipvs, c);
  }
}

function isToGo(ipvs: NetnsIpvs, c: number): boolean {
  const { conns } = ipvs;
  const h = c << HOT_SHIFT;
  const state = conns.hot[h + C_STATE]! & 0xff;
  if ((conns.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) {
    // those of one-packet services never have connections that could prove them
    if (destOf(ipvs, c)?.svc?.onePacket === true) return toDropEntry(ipvs, c);
    return (state & CTPL_S_ASSURED) === 0;
  }
  switch (conns.protocol(c)) {
    case IPPROTO_TCP:
      if (state === TCP_S_SYN_RECV || state === TCP_S_SYNACK) return true;
      return state === TCP_S_ESTABLISHED && toDropEntry(ipvs, c);
    case IPPROTO_SCTP:
      if (state === SCTP_S_INIT1 || state === SCTP_S_INIT) return true;
      return state === SCTP_S_ESTABLISHED && toDropEntry(ipvs, c);
    default:
      return toDropEntry(ipvs, c);
  }
}

/** Whether one that has been idle is to go: the fewer packets it had, the more likely (`todrop_entry`). */
function toDropEntry(ipvs: NetnsIpvs, c: number): boolean {
  const { hot } = ipvs.conns;
  const h = c << HOT_SHIFT;
  const idle = (ipvs.net.jiffies + hot[h + C_TIMEOUT]! - hot[h + C_EXPIRES]!) | 0;
  if (idle < FRESH * ipvs.net.hz) return false;
  const packets = hot[h + C_INPKTS]!;
  if (packets < 1 || packets > PACKETS_MAX) return false;
  const counters = ipvs.todropCounter;
  if (--counters[packets]! > 0) return false;
  counters[packets] = packets;
  return true;
}
