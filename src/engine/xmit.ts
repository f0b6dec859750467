/** The transmitters (`ip_vs_xmit.c`): NAT, direct routing, tunnel, bypass, local node. */
import { AF_INET, type InetAddr, inetEqual, inetFromWords } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { clampMss } from './clamp-mss.js';
import { connFillCport, destOf } from './conn.js';
import { C_DADDR, C_FLAGS, C_INPKTS, HOT_SHIFT } from './conn-table.js';
import { confirmIcmp, leaveTracked, settleTrack, tunnelTracked } from './conntrack.js';
import { DEBUG_CHANGED, debugPacket } from './debug.js';
import type { Dest } from './dest.js';
import { encapsulate } from './encapsulate.js';
import {
  CONN_F_BYPASS,
  CONN_F_DROUTE,
  CONN_F_FWD_MASK,
  CONN_F_LOCALNODE,
  CONN_F_MASQ,
  CONN_F_NFCT,
  CONN_F_NO_CPORT,
  CONN_F_TUNNEL,
} from './flags.js';
import type { Route } from './host.js';
import type { IpHdr } from './iphdr.js';
import { natIcmp } from './nat-icmp.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import {
  type OutRoute,
  outRoute,
  RT_MODE_KNOWN_NH,
  RT_MODE_LOCAL,
  RT_MODE_NON_LOCAL,
  RT_MODE_RDR,
  RT_MODE_TUNNEL,
  sendCheck,
} from './out-route.js';
import { readPorts } from './proto-ports.js';
import type { Protocol } from './protocol.js';
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_STOLEN } from './verdict.js';

/** One for all packets: a transmitter that can re-enter (by an ICMP error) has done with it by then. */
const out: OutRoute = { route: undefined, local: false };

/** Sends a client's packet to the connection's dest (`cp->packet_xmit`); the verdict. */
export function packetXmit(ipvs: NetnsIpvs, packet: Packet, c: number, pp: Protocol, iph: IpHdr): number {
  switch (ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) {
    case CONN_F_MASQ:
      return natXmit(ipvs, packet, c, pp, iph);
    case CONN_F_DROUTE:
      return directXmit(ipvs, packet, c, iph);
    case CONN_F_LOCALNODE:
      packet.ipvsProperty = true;
      settleTrack(ipvs, c, false);
      return NF_ACCEPT;
    case CONN_F_BYPASS:
      return bypassXmit(ipvs, packet, c, iph);
    case CONN_F_TUNNEL:
      return tunnelXmit(ipvs, packet, c, iph);
    default:
      // a number that no method has: a sync message may bring one for a connection without dest
      return NF_ACCEPT;
  }
}

/** The dest address of a connection; the dest's own object where there is one. */
function daddrOf(ipvs: NetnsIpvs, c: number, dest: Dest | null): InetAddr {
  if (dest !== null) return dest.addr;
  const t = ipvs.conns;
  const words = new Int32Array(4);
  t.addr(c, C_DADDR, words);
  return inetFromWords(t.destFamily(c), words);
}

function natXmit(ipvs: NetnsIpvs, packet: Packet, c: number, pp: Protocol, iph: IpHdr): number {
  const t = ipvs.conns;
  if ((t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_NO_CPORT) !== 0) {
    const ports = readPorts(packet, iph);
    if (ports < 0) return NF_STOLEN;
    connFillCport(ipvs, c, ports >>> 16);
  }
  const mode = RT_MODE_LOCAL | RT_MODE_NON_LOCAL | RT_MODE_RDR;
  const dest = destOf(ipvs, c);
  if (!outRoute(ipvs, packet, iph, dest, daddrOf(ipvs, c, dest), mode, routedLocal(ipvs, iph), out)) {
    return NF_STOLEN;
  }
  const { local, route } = out;
  if (
    local &&
    packet.ifindex !== 0 &&
    isLoopback(iph.family, t.addrWord(c, C_DADDR, 0), t.addrWord(c, C_DADDR, 3))
  ) {
    return NF_STOLEN;
  }
  if (!pp.dnatHandler(ipvs, packet, c, iph)) return NF_STOLEN;
  writeDestination(ipvs, packet, c, iph.family);
  if (ipvs.debugLevel >= DEBUG_CHANGED) debugPacket(ipvs, pp, packet, iph, 'After DNAT');
  packet.ignoreDf = true;
  packet.ipvsProperty = true;
  settleTrack(ipvs, c, false);
  if (local) return NF_ACCEPT;
  const tracked = (t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_NFCT) !== 0;
  if (tracked && !leaveTracked(ipvs, packet, iph, daddrOf(ipvs, c, null).words)) return NF_STOLEN;
  ipvs.net.host.transmit(packet, tracked ? routeOf(ipvs, c, dest, route!) : route!);
  return NF_STOLEN;
}

/**
 * The way to the connection's own address. FTP's server may name another one than its own for data: the route stays that of the dest,
 * but on its link the packet goes to the host that has the address.
 */
function routeOf(ipvs: NetnsIpvs, c: number, dest: Dest | null, route: Route): Route {
  const daddr = daddrOf(ipvs, c, null);
  if (dest === null || inetEqual(daddr, dest.addr) || !inetEqual(route.nextHop, dest.addr)) return route;
  return { ...route, nextHop: daddr };
}

/** Puts the connection's dest address into the IP header. */
function writeDestination(ipvs: NetnsIpvs, packet: Packet, c: number, family: number): void {
  const t = ipvs.conns;
  const v = packet.view;
  if (family === AF_INET) {
    v.setInt32(packet.data + 16, t.addrWord(c, C_DADDR, 0));
    sendCheck(packet);
    return;
  }
  for (let i = 0; i < 4; i++) v.setInt32(packet.data + 24 + 4 * i, t.addrWord(c, C_DADDR, i));
}

function directXmit(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): number {
  const mode = RT_MODE_LOCAL | RT_MODE_NON_LOCAL | RT_MODE_KNOWN_NH;
  const dest = destOf(ipvs, c);
  if (!outRoute(ipvs, packet, iph, dest, daddrOf(ipvs, c, dest), mode, routedLocal(ipvs, iph), out)) {
    return NF_STOLEN;
  }
  packet.ipvsProperty = true;
  settleTrack(ipvs, c, false);
  if (out.local) return NF_ACCEPT;
  if (!leaveTracked(ipvs, packet, iph, iph.daddr)) return NF_STOLEN;
  if (iph.family === AF_INET) sendCheck(packet);
  packet.ignoreDf = true;
  const route = out.route!;
  const foreign = dest !== null && !dest.routeKnownNh && inetEqual(route.nextHop, dest.addr);
  ipvs.net.host.transmit(packet, foreign ? astray(iph, route) : route);
  return NF_STOLEN;
}

/**
 * A dest whose method was edited has connections of two methods, and one cached route. When a packet of the other method looked it up, the
 * kernel asks on its link for the packet's own destination.
 */
function astray(iph: IpHdr, route: Route): Route {
  return { ...route, nextHop: inetFromWords(iph.family, iph.daddr) };
}

function tunnelXmit(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): number {
  const dest = destOf(ipvs, c);
  const mode = RT_MODE_LOCAL | RT_MODE_NON_LOCAL | RT_MODE_TUNNEL;
  if (!outRoute(ipvs, packet, iph, dest, daddrOf(ipvs, c, dest), mode, routedLocal(ipvs, iph), out))
    return NF_STOLEN;
  packet.ipvsProperty = true;
  settleTrack(ipvs, c, false);
  if (out.local) return NF_ACCEPT;
  if (!tunnelTracked(ipvs)) return NF_STOLEN;
  const route = out.route!;
  if (ipvs.mssClampers > 0) clampMss(ipvs, packet, c, iph);
  encapsulate(ipvs, packet, iph.family, dest!, route);
  packet.ignoreDf = true;
  ipvs.net.host.transmit(packet, route);
  return NF_STOLEN;
}

function bypassXmit(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): number {
  const daddr = inetFromWords(iph.family, iph.daddr);
  if (!outRoute(ipvs, packet, iph, null, daddr, RT_MODE_NON_LOCAL, routedLocal(ipvs, iph), out))
    return NF_STOLEN;
  settleTrack(ipvs, c, false);
  if (!leaveTracked(ipvs, packet, iph, iph.daddr)) return NF_STOLEN;
  if (iph.family === AF_INET) sendCheck(packet);
  packet.ignoreDf = true;
  packet.ipvsProperty = true;
  ipvs.net.host.transmit(packet, out.route!);
  return NF_STOLEN;
}

/**
 * Sends an ICMP error about one of a connection's packets to its dest (`ip_vs_icmp_xmit`).
 * @param ciph the header inside the error.
 */
export function icmpXmit(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  pp: Protocol,
  iph: IpHdr,
  ciph: IpHdr,
): number {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  iph.icmp = true;
  if ((t.hot[h + C_FLAGS]! & CONN_F_FWD_MASK) !== CONN_F_MASQ) {
    const verdict = packetXmit(ipvs, packet, c, pp, iph);
    t.hot[h + C_INPKTS]!++;
    return verdict;
  }
  const mode =
    ipvs.hook === NF_INET_FORWARD ? RT_MODE_NON_LOCAL : RT_MODE_LOCAL | RT_MODE_NON_LOCAL | RT_MODE_RDR;
  const dest = destOf(ipvs, c);
  if (!outRoute(ipvs, packet, iph, dest, daddrOf(ipvs, c, dest), mode, routedLocal(ipvs, iph), out)) {
    return NF_STOLEN;
  }
  const { local, route } = out;
  if (
    local &&
    packet.ifindex !== 0 &&
    isLoopback(iph.family, t.addrWord(c, C_DADDR, 0), t.addrWord(c, C_DADDR, 3))
  ) {
    return NF_STOLEN;
  }
  natIcmp(ipvs, packet, c, iph, ciph, false);
  if ((t.hot[h + C_FLAGS]! & CONN_F_NFCT) !== 0 && !confirmIcmp(ipvs, packet, c, iph)) return NF_STOLEN;
  packet.ignoreDf = true;
  packet.ipvsProperty = true;
  if (local) return NF_ACCEPT;
  ipvs.net.host.transmit(packet, route!);
  return NF_STOLEN;
}

/** The packet was on its way to this host, before IPVS took it. */
function routedLocal(ipvs: NetnsIpvs, iph: IpHdr): boolean {
  if (ipvs.hook === NF_INET_LOCAL_IN) return true;
  return ipvs.hook === NF_INET_LOCAL_OUT && ipvs.net.host.isLocal(iph.family, iph.daddr, 0);
}

function isLoopback(family: number, first: number, last: number): boolean {
  return family === AF_INET ? first >>> 24 === 127 : first === 0 && last === 1;
}
