/** The way out of a packet that the engine forwards: route, TTL, MTU (`__ip_vs_get_out_rt`). */
import { ipv4SetChecksum } from '../wire/checksum.js';
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_TIME_EXCEEDED,
  ICMPV6_ADDR_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
} from '../wire/icmp.js';
import { AF_INET, type InetAddr } from '../wire/inet.js';
import { IP_DF } from '../wire/ipv4.js';
import type { Packet } from '../wire/packet.js';
import type { Dest } from './dest.js';
import { tunnelHeaderLength } from './encapsulate.js';
import type { Route } from './host.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { NF_INET_LOCAL_IN } from './verdict.js';

/** The new route may be to this host. */
export const RT_MODE_LOCAL = 1;
/** The new route may lead elsewhere. */
export const RT_MODE_NON_LOCAL = 2;
/** A packet that was not for this host may be turned to it. */
export const RT_MODE_RDR = 4;
/** The packet goes to the dest's own neighbour entry, whatever its destination. */
export const RT_MODE_KNOWN_NH = 16;
/** The packet is to be encapsulated. */
export const RT_MODE_TUNNEL = 32;

/** Smallest MTU that a tunnel may leave for IPv4 and IPv6. */
const IPV4_MIN_MTU = 68;
const IPV6_MIN_MTU = 1280;

/** What {@link outRoute} found. Reused by the caller. */
export interface OutRoute {
  route: Route | undefined;
  /** The packet goes up this host's own stack. */
  local: boolean;
}

/**
 * Finds the route, and does what forwarding does to a packet: TTL, path MTU. An ICMP error is sent to the source when that fails.
 * @param dest whose route is cached; null looks `daddr` up each time.
 * @param family of the packet (`dest` may be of another one, in a tunnel).
 * @param routedLocal the packet was on its way to this host.
 * @param out the result.
 * @returns false when the packet is to be dropped.
 */
export function outRoute(
  ipvs: NetnsIpvs,
  packet: Packet,
  iph: IpHdr,
  dest: Dest | null,
  daddr: InetAddr,
  mode: number,
  routedLocal: boolean,
  out: OutRoute,
): boolean {
  const host = ipvs.net.host;
  let route: Route | undefined;
  if (dest !== null) {
    if (dest.routeGeneration !== host.routeGeneration) {
      dest.route = host.route(dest.addr);
      dest.routeGeneration = host.routeGeneration;
      dest.routeKnownNh = (mode & RT_MODE_KNOWN_NH) !== 0;
    }
    route = dest.route;
  } else {
    route = host.route(daddr);
  }
  out.route = route;
  out.local = false;
  if (route === undefined) {
    unreachable(ipvs, packet, iph.family);
    return false;
  }
  if (crossesLocalBoundary(packet, iph, mode, route.local, routedLocal)) return false;
  if (route.local) {
    out.local = true;
    return true;
  }
  if (!decrementTtl(ipvs, packet, iph.family)) return false;
  let mtu = route.mtu;
  if ((mode & RT_MODE_TUNNEL) !== 0) {
    if (dest === null) return false;
    mtu -= tunnelHeaderLength(dest, packet);
    if (mtu < (dest.addr.family === AF_INET ? IPV4_MIN_MTU : IPV6_MIN_MTU)) return false;
  }
  return mtuAdequate(ipvs, packet, iph, mode, mtu);
}

/** No route leads there (`dst_link_failure`). */
function unreachable(ipvs: NetnsIpvs, packet: Packet, family: number): void {
  if (family === AF_INET) ipvs.net.host.icmpSend(packet, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
  else ipvs.net.host.icmpSend(packet, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
}

function crossesLocalBoundary(
  packet: Packet,
  iph: IpHdr,
  mode: number,
  local: boolean,
  routedLocal: boolean,
): boolean {
  if (local) return (mode & RT_MODE_LOCAL) === 0 || ((mode & RT_MODE_RDR) === 0 && !routedLocal);
  if ((mode & RT_MODE_NON_LOCAL) === 0) return true;
  const v = packet.view;
  const at = packet.data;
  if (iph.family === AF_INET) return v.getUint8(at + 12) === 127;
  return (
    packet.ifindex === 0 &&
    v.getInt32(at + 8) === 0 &&
    v.getInt32(at + 12) === 0 &&
    v.getInt32(at + 16) === 0 &&
    v.getInt32(at + 20) === 1
  );
}

function decrementTtl(ipvs: NetnsIpvs, packet: Packet, family: number): boolean {
  const v = packet.view;
  if (family !== AF_INET) {
    const at = packet.data + 7;
    const limit = v.getUint8(at);
    if (limit <= 1) {
      ipvs.net.host.icmpSend(packet, ICMPV6_TIME_EXCEED, 0, 0);
      return false;
    }
    v.setUint8(at, limit - 1);
    return true;
  }
  const at = packet.data + 8;
  // read and written as the 16-bit word that checksums see: a narrower store would stall the next sum
  const word = v.getUint16(at);
  if (word >>> 8 <= 1) {
    ipvs.net.host.icmpSend(packet, ICMP_TIME_EXCEEDED, 0, 0);
    return false;
  }
  v.setUint16(at, word - 0x100);
  // ip_decrease_ttl: the checksum grows by what the word lost
  const check = v.getUint16(at + 2) + 0x100;
  v.setUint16(at + 2, check >= 0xffff ? check - 0xffff : check);
  return true;
}

function mtuAdequate(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr, mode: number, mtu: number): boolean {
  if (packet.gsoSize !== 0) return true;
  if (iph.family !== AF_INET) {
    const size = packet.fragMaxSize !== 0 ? packet.fragMaxSize : packet.len;
    if (size <= mtu) return true;
    if (iph.fragoffs === 0 && !iph.icmp) ipvs.net.host.icmpSend(packet, ICMPV6_PKT_TOOBIG, 0, mtu);
    return false;
  }
  if (packet.len <= mtu || (packet.view.getUint16(packet.data + 6) & IP_DF) === 0 || iph.icmp) return true;
  if ((mode & RT_MODE_TUNNEL) !== 0 && ipvs.sysctls.values.pmtu_disc === 0) return true;
  ipvs.net.host.icmpSend(packet, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
  return false;
}

/** False for an answer that is to be routed anew, by its new source, when that leads nowhere (`ip_vs_route_me_harder`). */
export function hasWayOut(ipvs: NetnsIpvs, packet: Packet): boolean {
  const { host } = ipvs.net;
  if (host.reroutes === undefined || ipvs.hook === NF_INET_LOCAL_IN) return true;
  return ipvs.sysctls.values.snat_reroute === 0 || host.reroutes(packet);
}

/** Recomputes the IPv4 header checksum of the packet, as the kernel does after it rewrote an address (`ip_send_check`). */
export function sendCheck(packet: Packet): void {
  ipv4SetChecksum(packet.view, packet.data, (packet.view.getUint8(packet.data) & 15) << 2);
}
