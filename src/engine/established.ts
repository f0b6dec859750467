/**
 * The short way for nearly all packets: IPv4 without options or IPv6 without extension headers, TCP or UDP, of a connection that exists, by
 * NAT or direct routing. established4.ts and established6.ts each do in one function what core.ts, xmit.ts, out-route.ts and nat-checksum.ts
 * do in many, three times as fast. Whatever is not quite ordinary is left to those, untouched; a test holds that both ways give the same.
 *
 * Here is what the families have in common.
 */
import type { Packet } from '../wire/packet.js';
import { controlAssureCt } from './conn.js';
import * as layout from './conn-layout.js';
import type { Dest } from './dest.js';
import * as connFlags from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { setTcpState } from './proto-tcp.js';
import * as directions from './protocol.js';
import * as netfilter from './verdict.js';

// see conn-layout.ts
const { C_CONTROL, C_DEST, C_EXPIRES, C_FLAGS, C_INPKTS, C_TIMEOUT, HOT_SHIFT } = layout;
const { CONN_F_DROUTE, CONN_F_FWD_MASK, CONN_F_MASQ, DEST_F_AVAILABLE, IPPROTO_TCP, IPPROTO_UDP } = connFlags;
const { DIR_INPUT, DIR_OUTPUT } = directions;
const { NF_ACCEPT, NF_STOLEN } = netfilter;

/** Not for the short way; nothing was changed. */
export const LONG_WAY = -1;

/** Stands for the flags of a datagram. */
export const NO_TCP = -1;

/** Connections with these need more than a rewrite. */
const SPECIAL =
  connFlags.CONN_F_NO_CPORT | connFlags.CONN_F_SEQ_MASK | connFlags.CONN_F_NFCT | connFlags.CONN_F_APP;

/**
 * Takes a packet of connection `c` if nothing but a rewrite and the way out awaits it: moves the connection on and counts. The packet itself is
 * then the caller's to change.
 * @param size what its path must be able to carry, bytes.
 * @returns the verdict that it will come to, `NF_ACCEPT` or `NF_STOLEN`, or `LONG_WAY`.
 */
export function follow(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  reply: boolean,
  tcpFlags: number,
  size: number,
): number {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const flags = hot[h + C_FLAGS]!;
  const destIndex = hot[h + C_DEST]!;
  if ((flags & SPECIAL) !== 0 || destIndex === 0) return LONG_WAY;
  const dest = ipvs.dests[destIndex - 1]!;
  // a dest in use belongs to a service, so the family's hooks are in place
  if ((dest.flags & DEST_F_AVAILABLE) === 0) return LONG_WAY;
  const method = flags & CONN_F_FWD_MASK;
  const route = dest.route;
  if (reply) {
    if (method !== CONN_F_MASQ) return LONG_WAY;
  } else if (
    (method !== CONN_F_MASQ && method !== CONN_F_DROUTE) ||
    route === undefined ||
    dest.routeGeneration !== ipvs.net.host.routeGeneration ||
    (method === CONN_F_DROUTE && !dest.routeKnownNh) ||
    route.local ||
    (size > route.mtu && packet.gsoSize === 0)
  ) {
    return LONG_WAY;
  }
  packet.ipvsProperty = true;
  if (tcpFlags !== NO_TCP)
    setTcpState(ipvs, ipvs.protoData[IPPROTO_TCP]!, c, reply ? DIR_OUTPUT : DIR_INPUT, tcpFlags);
  else {
    hot[h + C_TIMEOUT] = ipvs.protoData[IPPROTO_UDP]!.timeoutTable[0]!;
    if (reply && hot[h + C_CONTROL] !== 0) controlAssureCt(ipvs, c);
  }
  touch(ipvs, c);
  if (reply) {
    countOut(ipvs, dest, packet.len);
    return NF_ACCEPT;
  }
  countIn(ipvs, dest, packet.len);
  hot[h + C_INPKTS]!++;
  packet.ignoreDf = true;
  return NF_STOLEN;
}

function countIn(ipvs: NetnsIpvs, dest: Dest, bytes: number): void {
  dest.stats.inpkts++;
  dest.stats.inbytes += bytes;
  const svc = dest.svc;
  if (svc !== null) {
    svc.stats.inpkts++;
    svc.stats.inbytes += bytes;
  }
  ipvs.totStats.inpkts++;
  ipvs.totStats.inbytes += bytes;
}

function countOut(ipvs: NetnsIpvs, dest: Dest, bytes: number): void {
  dest.stats.outpkts++;
  dest.stats.outbytes += bytes;
  const svc = dest.svc;
  if (svc !== null) {
    svc.stats.outpkts++;
    svc.stats.outbytes += bytes;
  }
  ipvs.totStats.outpkts++;
  ipvs.totStats.outbytes += bytes;
}

/** The connection's timer starts anew. */
function touch(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const expires = (ipvs.net.jiffies + hot[h + C_TIMEOUT]!) | 0;
  const sooner = ((expires - hot[h + C_EXPIRES]!) | 0) < 0;
  hot[h + C_EXPIRES] = expires;
  if (sooner) ipvs.connTimers.set(c, expires);
}
