/** Putting a packet into a tunnel (`ip_vs_tunnel_xmit`): IPIP, GUE (draft-ietf-intarea-gue) and GRE (RFC 2784). */
import { checksumFold, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from '../wire/checksum.js';
import { ETH_P_IP, ETH_P_IPV6, GRE_HEADER, GRE_HEADER_CSUM, writeGre } from '../wire/gre.js';
import { GUE_HEADER, GUE_REMCSUM_OPTIONS, writeGue, writeGueRemcsum } from '../wire/gue.js';
import { AF_INET, type Family, type InetAddr } from '../wire/inet.js';
import { IP_DF, IPV4_MIN } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type Packet } from '../wire/packet.js';
import { completedSum } from '../wire/partial-checksum.js';
import { UDP_HEADER } from '../wire/udp.js';
import type { Dest } from './dest.js';
import {
  IPPROTO_UDP,
  TUNNEL_ENCAP_FLAG_CSUM,
  TUNNEL_ENCAP_FLAG_REMCSUM,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
} from './flags.js';
import type { Route } from './host.js';
import type { NetnsIpvs } from './netns-ipvs.js';

const IPPROTO_IPIP = 4;
const IPPROTO_IPV6 = 41;
const IPPROTO_GRE = 47;
/** Local ports that outer UDP headers are sent from (`net.ipv4.ip_local_port_range`). */
const PORT_LOW = 32_768;
const PORT_COUNT = 28_232;

/** Remote checksum offload is used only while the inner checksum is still to be completed. */
function remoteChecksum(dest: Dest, packet: Packet): boolean {
  return (dest.tunFlags & TUNNEL_ENCAP_FLAG_REMCSUM) !== 0 && packet.ipSummed === CHECKSUM_PARTIAL;
}

/** Bytes between the outer IP header and the packet. */
function innerOffset(dest: Dest, packet: Packet): number {
  if (dest.tunType === TUNNEL_TYPE_GUE) {
    return UDP_HEADER + GUE_HEADER + (remoteChecksum(dest, packet) ? GUE_REMCSUM_OPTIONS : 0);
  }
  if (dest.tunType === TUNNEL_TYPE_GRE)
    return (dest.tunFlags & TUNNEL_ENCAP_FLAG_CSUM) !== 0 ? GRE_HEADER_CSUM : GRE_HEADER;
  return 0;
}

/** Bytes that the tunnel to `dest` adds to this packet. */
export function tunnelHeaderLength(dest: Dest, packet: Packet): number {
  return (dest.addr.family === AF_INET ? IPV4_MIN : IPV6_HEADER) + innerOffset(dest, packet);
}

/**
 * Encapsulates the packet, whose TTL was decremented already, in place. `packet.gsoSize` and a partial checksum stay with the inner packet:
 * the host resolves them before it sends.
 * @param family of the packet.
 */
export function encapsulate(ipvs: NetnsIpvs, packet: Packet, family: number, dest: Dest, route: Route): void {
  const v = packet.view;
  const inner = packet.data;
  const v4 = family === AF_INET;
  let tos: number;
  let ttl: number;
  let df = 0;
  if (v4) {
    ipv4SetChecksum(v, inner, (v.getUint8(inner) & 15) << 2);
    tos = v.getUint8(inner + 1);
    ttl = v.getUint8(inner + 8);
    if (ipvs.sysctls.values.pmtu_disc !== 0) df = v.getUint16(inner + 6) & IP_DF;
  } else {
    tos = (v.getUint16(inner) >>> 4) & 255;
    ttl = v.getUint8(inner + 7);
  }
  // RFC 3168 9.1.1: congestion seen inside is not told outside
  if ((tos & 3) === 3) tos = (tos & 0xfc) | 2;
  const flowPort = dest.tunType === TUNNEL_TYPE_GUE ? portOf(flowHash(packet, v4)) : 0;
  const remcsum = remoteChecksum(dest, packet);
  const offset = innerOffset(dest, packet);
  const protocol = v4 ? IPPROTO_IPIP : IPPROTO_IPV6;
  const innerLength = packet.len;
  packet.push(offset);
  const at = packet.data;
  if (dest.addr.family !== family) changeFamily(packet, v4);
  if (dest.tunType === TUNNEL_TYPE_GRE) putGre(packet, dest, v4);
  else if (dest.tunType === TUNNEL_TYPE_GUE) {
    v.setUint16(at, flowPort);
    v.setUint16(at + 2, dest.tunPort);
    v.setUint16(at + 4, packet.len);
    v.setUint16(at + 6, 0);
    if (remcsum) {
      const start = packet.csumStart - offset;
      writeGueRemcsum(v, at + UDP_HEADER, protocol, start, start + packet.csumOffset);
      // from here on it is the receiver's to complete; of many segments in one, each segment's, when they are cut
      if (packet.gsoSize === 0) packet.ipSummed = CHECKSUM_NONE;
    } else writeGue(v, at + UDP_HEADER, protocol);
  }
  const nexthdr =
    dest.tunType === TUNNEL_TYPE_GUE
      ? IPPROTO_UDP
      : dest.tunType === TUNNEL_TYPE_GRE
        ? IPPROTO_GRE
        : protocol;
  if (dest.addr.family === AF_INET) writeIpv4(ipvs, packet, tos, ttl, df, nexthdr, route.source, dest.addr);
  else writeIpv6(packet, tos, ttl, nexthdr, route.source, dest.addr);
  if (dest.tunType === TUNNEL_TYPE_GUE && dest.tunFlags !== 0) {
    writeUdpChecksum(packet, dest.addr.family === AF_INET, innerLength + offset);
  }
}

/** `IPSKB_FRAG_PMTU` among the flags of an IPv4 packet. */
const FRAG_PMTU = 0x40;

/**
 * What is remembered of a reassembled packet lies elsewhere for each family (`IPCB`, `IP6CB`): where IPv6 has the size of the largest
 * fragment, IPv4 has flags. Fragments of IPv4 have no room for a longer header.
 */
function changeFamily(packet: Packet, v4: boolean): void {
  if (v4) {
    packet.fragMaxSize = packet.fragDf ? FRAG_PMTU : 0;
    packet.fragDf = false;
    packet.fragSizes = undefined;
  } else {
    packet.fragDf = (packet.fragMaxSize & FRAG_PMTU) !== 0;
    packet.fragMaxSize = 0;
  }
}

function putGre(packet: Packet, dest: Dest, v4: boolean): void {
  const v = packet.view;
  const at = packet.data;
  const csum = (dest.tunFlags & TUNNEL_ENCAP_FLAG_CSUM) !== 0;
  writeGre(v, at, v4 ? ETH_P_IP : ETH_P_IPV6, csum);
  // the packet's own checksum may be still to be completed, and is summed as if it were
  if (csum) v.setUint16(at + 4, ~checksumFold(completedSum(packet, at)) & 0xffff);
}

function writeIpv4(
  ipvs: NetnsIpvs,
  packet: Packet,
  tos: number,
  ttl: number,
  df: number,
  protocol: number,
  source: InetAddr,
  dest: InetAddr,
): void {
  packet.push(IPV4_MIN);
  const v = packet.view;
  const at = packet.data;
  v.setUint8(at, 0x45);
  v.setUint8(at + 1, tos);
  v.setUint16(at + 2, packet.len);
  // what cannot be cut needs no identification (RFC 6864); what this host made itself may be cut all the same
  v.setUint16(at + 4, df !== 0 && !packet.ignoreDf ? 0 : ipvs.net.nextIpId());
  v.setUint16(at + 6, df);
  v.setUint8(at + 8, ttl);
  v.setUint8(at + 9, protocol);
  v.setInt32(at + 12, source.words[0]!);
  v.setInt32(at + 16, dest.words[0]!);
  ipv4SetChecksum(v, at, IPV4_MIN);
}

function writeIpv6(
  packet: Packet,
  trafficClass: number,
  hopLimit: number,
  nexthdr: number,
  source: InetAddr,
  dest: InetAddr,
): void {
  const payload = packet.len;
  packet.push(IPV6_HEADER);
  const v = packet.view;
  const at = packet.data;
  v.setUint32(at, (0x6000_0000 | (trafficClass << 20)) >>> 0);
  v.setUint16(at + 4, payload);
  v.setUint8(at + 6, nexthdr);
  v.setUint8(at + 7, hopLimit);
  for (let i = 0; i < 4; i++) {
    v.setInt32(at + 8 + 4 * i, source.words[i]!);
    v.setInt32(at + 24 + 4 * i, dest.words[i]!);
  }
}

function writeUdpChecksum(packet: Packet, v4: boolean, length: number): void {
  const v = packet.view;
  const udp = packet.data + (v4 ? IPV4_MIN : IPV6_HEADER);
  const sum = v4
    ? pseudoSum4(v, packet.data, IPPROTO_UDP, length)
    : pseudoSum6(v, packet.data, IPPROTO_UDP, length);
  const check = ~checksumFold(completedSum(packet, udp, sum)) & 0xffff;
  v.setUint16(udp + 6, check === 0 ? 0xffff : check);
}

/** A number that stays the same for a flow: the source port tells flows apart to equal-cost routers. */
function flowHash(packet: Packet, v4: boolean): number {
  const v = packet.view;
  const at = packet.data;
  let h = 0;
  const end = at + (v4 ? 20 : 40);
  for (let o = at + (v4 ? 12 : 8); o < end; o += 4) h = mix(h, v.getInt32(o));
  const ports = v4 ? at + ((v.getUint8(at) & 15) << 2) : end;
  return ports + 4 <= at + packet.len ? mix(h, v.getInt32(ports)) : h;
}

/**
 * The port that GUE sends the packets of a flow from, as {@link encapsulate} chooses it.
 * @param source,destination words of the addresses. @param sourcePort,destinationPort of the packets inside.
 */
export function gueSourcePort(
  family: Family,
  source: Int32Array,
  destination: Int32Array,
  sourcePort: number,
  destinationPort: number,
): number {
  const words = family === AF_INET ? 1 : 4;
  let h = 0;
  for (let i = 0; i < words; i++) h = mix(h, source[i]!);
  for (let i = 0; i < words; i++) h = mix(h, destination[i]!);
  return portOf(mix(h, (sourcePort << 16) | destinationPort));
}

function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x9e37_79b1);
}

function portOf(hash: number): number {
  return PORT_LOW + (((hash ^ (hash >>> 16)) >>> 0) % PORT_COUNT);
}
