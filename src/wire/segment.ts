/**
 * Software segmentation of large TCP packets (`tcp_gso_segment`), for a way out that has no
 * hardware for it. The work is done inside the packet's own buffer: each segment's headers are written right before its
 * payload, over what the segment before it no longer needs. Nothing is allocated.
 */
import { checksum, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from './checksum.js';
import { GRE_CSUM, greFlags, greSetChecksum } from './gre.js';
import { findTransport, HeaderStack, LAYER_GRE, LAYER_GUE, LAYER_IPV4, LAYER_IPV6 } from './header-stack.js';
import { ipv4HeaderLength, ipv4Id } from './ipv4.js';
import { IPV6_HEADER } from './ipv6.js';
import { CHECKSUM_NONE, type Packet } from './packet.js';
import { completeChecksum } from './partial-checksum.js';
import {
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_FIN,
  TCP_MIN,
  TCP_PSH,
  tcpFlags,
  tcpHeaderLength,
  tcpSequence,
} from './tcp.js';
import { UDP_CHECKSUM } from './udp.js';

/** Takes a segment; the packet is good until it returns, and may be changed. It must not segment another packet meanwhile. */
export type EmitSegment = (segment: Packet) => void;

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** The headers that every segment begins with; one buffer for all packets. */
const saved = new DataView(new ArrayBuffer(65_536));
const stack = new HeaderStack();

/**
 * Cuts a TCP packet over IPv4 or IPv6, also one within IPIP, GRE or GUE tunnels, into segments with `gsoSize` bytes of
 * payload, full checksums, and identifications that count up. FIN and PSH stay on the last segment, CWR on the first.
 * A packet with `gsoSize` 0 comes out as it is, its checksum completed. What is no TCP packet comes out not at all.
 * @param emit is handed `p` itself, once for each segment; afterwards `p` is used up.
 */
export function segmentTcp(p: Packet, emit: EmitSegment): void {
  if (p.gsoSize === 0) {
    completeChecksum(p);
    emit(p);
    return;
  }
  if (!findTransport(p, IPPROTO_TCP, stack)) return;
  const tcp = stack.transport;
  if (tcp + TCP_MIN > p.len) return;
  const headers = tcp + tcpHeaderLength(p.view, p.data + tcp);
  if (headers < tcp + TCP_MIN || headers > p.len) return;
  cut(p, headers, emit);
}

/** @param headers bytes before the payload, the TCP header included. */
function cut(p: Packet, headers: number, emit: EmitSegment): void {
  const v = p.view;
  const start = p.data;
  const total = p.len - headers;
  const size = p.gsoSize;
  p.gsoSize = 0;
  p.ipSummed = CHECKSUM_NONE;
  // every header is a multiple of 4 bytes long
  for (let o = 0; o < headers; o += 4) saved.setInt32(o, v.getInt32(start + o));
  for (let at = 0, index = 0; at < total || index === 0; at += size, index++) {
    const last = at + size >= total;
    p.data = start + at;
    p.len = headers + (last ? total - at : size);
    for (let o = 0; o < headers; o += 4) v.setInt32(p.data + o, saved.getInt32(o));
    fixTcp(p, at, index === 0, last);
    for (let i = stack.count - 1; i >= 0; i--) fixLayer(p, i, index);
    emit(p);
  }
}

function fixTcp(p: Packet, at: number, first: boolean, last: boolean): void {
  const v = p.view;
  const tcp = p.data + stack.transport;
  v.setUint32(tcp + 4, tcpSequence(v, tcp) + at);
  const drop = (first ? 0 : TCP_CWR) | (last ? 0 : TCP_FIN | TCP_PSH);
  v.setUint8(tcp + 13, tcpFlags(v, tcp) & ~drop);
  setTransportChecksum(p, stack.count - 1, stack.transport, IPPROTO_TCP, TCP_CHECKSUM);
}

/** Lengths, identification and checksum of one of the headers before the transport header; those inside it are done. */
function fixLayer(p: Packet, layer: number, index: number): void {
  const v = p.view;
  const at = stack.at[layer]!;
  const o = p.data + at;
  const length = p.len - at;
  switch (stack.kind[layer]) {
    case LAYER_IPV4:
      v.setUint16(o + 2, length);
      v.setUint16(o + 4, ipv4Id(v, o) + index);
      ipv4SetChecksum(v, o, ipv4HeaderLength(v, o));
      break;
    case LAYER_IPV6:
      v.setUint16(o + 4, length - IPV6_HEADER);
      break;
    case LAYER_GRE:
      if ((greFlags(v, o) & GRE_CSUM) !== 0) greSetChecksum(v, o, length);
      break;
    case LAYER_GUE:
      v.setUint16(o + 4, length);
      if (v.getUint16(o + UDP_CHECKSUM) !== 0)
        setTransportChecksum(p, layer - 1, at, IPPROTO_UDP, UDP_CHECKSUM);
      break;
  }
}

/** @param at offset of the transport header, which belongs to the IP header of `layer`. */
function setTransportChecksum(p: Packet, layer: number, at: number, protocol: number, field: number): void {
  const v = p.view;
  const ip = p.data + stack.at[layer]!;
  const length = p.len - at;
  const pseudo =
    stack.kind[layer] === LAYER_IPV4
      ? pseudoSum4(v, ip, protocol, length)
      : pseudoSum6(v, ip, protocol, length);
  const o = p.data + at;
  v.setUint16(o + field, 0);
  const sum = checksum(v, o, length, pseudo);
  // 0 means "none" to UDP alone
  v.setUint16(o + field, sum === 0 && protocol === IPPROTO_UDP ? 0xffff : sum);
}
