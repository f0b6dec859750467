/**
 * Offloads inside tunnels. A packet may be encapsulated while its TCP checksum is still to be completed or its segments to be cut; no interface
 * does that below a second IP header, so it is done here, before the packet leaves.
 */
import { checksum, checksumFold, pseudoSum4, pseudoSum6 } from '../../wire/checksum.js';
import { GRE_CSUM, greFlags, greHeaderLength, greSetChecksum } from '../../wire/gre.js';
import { GUE_FLAG_PRIV, gueFlags, gueHeaderLength } from '../../wire/gue.js';
import { ipv4HeaderLength, ipv4Version } from '../../wire/ipv4.js';
import { IPV6_HEADER } from '../../wire/ipv6.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type Packet } from '../../wire/packet.js';
import { completeChecksum } from '../../wire/partial-checksum.js';
import { segmentTcp } from '../../wire/segment.js';
import { TCP_CHECKSUM } from '../../wire/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';

const IPPROTO_IPIP = 4;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPPROTO_GRE = 47;

function isIpv4(p: Packet): boolean {
  return ipv4Version(p.view, p.data) === 4;
}

/** Offset of what the IP header at `p.data` carries. The engine writes no options and no extension headers. */
function payloadOffset(p: Packet): number {
  return isIpv4(p) ? ipv4HeaderLength(p.view, p.data) : IPV6_HEADER;
}

function protocolOf(p: Packet): number {
  return p.view.getUint8(p.data + (isIpv4(p) ? 9 : 6));
}

/**
 * Offset of the inner packet from `p.data`; 0 when this is no packet with an unfinished one inside.
 */
export function innerOffset(p: Packet): number {
  if (p.ipSummed !== CHECKSUM_PARTIAL) return 0;
  const at = payloadOffset(p);
  switch (protocolOf(p)) {
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
      return at;
    case IPPROTO_GRE:
      return at + greHeaderLength(p.view, p.data + at);
    case IPPROTO_UDP:
      // summing starts at the header of a plain UDP packet, but further in when it is GUE
      if (p.csumStart <= at + UDP_HEADER) return 0;
      return at + UDP_HEADER + gueHeaderLength(p.view, p.data + at + UDP_HEADER);
    default:
      return 0;
  }
}

/** Hands `p`, an encapsulated packet, on as packets that are complete. `p` is used up. */
export function finishTunnelled(p: Packet, emit: (packet: Packet) => void): void {
  const inner = innerOffset(p);
  const headers = payloadOffset(p);
  const remote = hasRemoteChecksum(p, headers);
  if (p.gsoSize !== 0) {
    const tcp = p.csumStart;
    segmentTcp(p, remote ? (segment) => emit(reopened(segment, headers, inner, tcp)) : emit);
    return;
  }
  // with remote checksum offload the far end completes it, and the outer checksum is right already
  if (remote) p.ipSummed = CHECKSUM_NONE;
  else {
    completeChecksum(p);
    outerChecksum(p, headers);
  }
  emit(p);
}

function hasRemoteChecksum(p: Packet, headers: number): boolean {
  return (
    protocolOf(p) === IPPROTO_UDP && (gueFlags(p.view, p.data + headers + UDP_HEADER) & GUE_FLAG_PRIV) !== 0
  );
}

/** Gives a TCP segment back the unfinished checksum that remote checksum offload wants. */
function reopened(p: Packet, headers: number, inner: number, tcp: number): Packet {
  const ip = p.data + inner;
  const pseudo = ipv4Version(p.view, ip) === 4 ? pseudoSum4 : pseudoSum6;
  p.view.setUint16(p.data + tcp + TCP_CHECKSUM, checksumFold(pseudo(p.view, ip, IPPROTO_TCP, p.len - tcp)));
  outerChecksum(p, headers);
  return p;
}

/** Sums the outer GRE or UDP header and all behind it anew, where it has a checksum. */
function outerChecksum(p: Packet, headers: number): void {
  const v = p.view;
  const at = p.data + headers;
  const length = p.len - headers;
  const protocol = protocolOf(p);
  if (protocol === IPPROTO_GRE && (greFlags(v, at) & GRE_CSUM) !== 0) greSetChecksum(v, at, length);
  if (protocol !== IPPROTO_UDP || v.getUint16(at + UDP_CHECKSUM) === 0) return;
  v.setUint16(at + UDP_CHECKSUM, 0);
  const sum = (isIpv4(p) ? pseudoSum4 : pseudoSum6)(v, p.data, IPPROTO_UDP, length);
  v.setUint16(at + UDP_CHECKSUM, checksum(v, at, length, sum) || 0xffff);
}
