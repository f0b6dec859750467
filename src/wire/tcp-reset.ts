/** TCP segments that end connections, or find out where they are (RFC 9293 3.10.7, RFC 5961). */
import { checksum, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from './checksum.js';
import { AF_INET, type Family } from './inet.js';
import { IPV4_MIN } from './ipv4.js';
import { IPV6_HEADER } from './ipv6.js';
import { CHECKSUM_NONE, HEADROOM, type Packet } from './packet.js';
import {
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_FIN,
  TCP_MIN,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  tcpHeaderLength,
} from './tcp.js';

const IPPROTO_TCP = 6;
const TTL = 64;
const WINDOW = 65_535;

/** Where a segment is from and to; addresses as words. */
export interface TcpPath {
  readonly family: Family;
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly sourcePort: number;
  readonly targetPort: number;
}

/**
 * Writes the reset into `out` that answers a segment, as its receiver would (RFC 9293 3.10.7.1): with the sequence number that its sender
 * expects next, when it said so.
 * @param path of the reset. @param about holds the segment, whose TCP header is at offset `tcp` of `about.bytes`. @param id for IPv4.
 */
export function buildReset(out: Packet, path: TcpPath, about: Packet, tcp: number, id: number): void {
  const v = about.view;
  const flags = tcpFlags(v, tcp);
  if ((flags & TCP_ACK) !== 0) {
    buildSegment(out, path, v.getUint32(tcp + 8), 0, TCP_RST, id);
    return;
  }
  const data = about.data + about.len - tcp - tcpHeaderLength(v, tcp);
  const length = Math.max(data, 0) + (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
  buildSegment(out, path, 0, (v.getUint32(tcp + 4) + length) >>> 0, TCP_RST | TCP_ACK, id);
}

/**
 * Writes a SYN into `out` that belongs to no connection. Whoever has one with these addresses and ports answers, whatever the number, with an
 * ACK that tells where it is (RFC 5961 4.2).
 */
export function buildProbe(out: Packet, path: TcpPath, sequence: number, id: number): void {
  buildSegment(out, path, sequence, 0, TCP_SYN, id);
}

/** Makes a segment into a reset of the same sender, which whoever it was for expects next. @param tcp offset from `packet.data`. */
export function makeReset(packet: Packet, family: Family, tcp: number): void {
  const v = packet.view;
  const at = packet.data + tcp;
  const length = tcp + TCP_MIN;
  packet.reset(packet.data, length);
  v.setUint8(at + 12, 5 << 4);
  v.setUint8(at + 13, TCP_RST);
  v.setUint32(at + 8, 0);
  v.setUint32(at + 14, 0);
  v.setUint16(at + 18, 0);
  if (family === AF_INET) {
    v.setUint16(packet.data + 2, length);
    ipv4SetChecksum(v, packet.data, (v.getUint8(packet.data) & 15) << 2);
  } else v.setUint16(packet.data + 4, length - IPV6_HEADER);
  sum(packet, family, at);
}

function buildSegment(
  out: Packet,
  { family, source, target, sourcePort, targetPort }: TcpPath,
  sequence: number,
  ack: number,
  flags: number,
  id: number,
): void {
  const v4 = family === AF_INET;
  const v = out.view;
  const tcp = HEADROOM + (v4 ? IPV4_MIN : IPV6_HEADER);
  out.reset(HEADROOM, tcp - HEADROOM + TCP_MIN);
  const ip = out.data;
  if (v4) {
    v.setUint16(ip, 0x4500);
    v.setUint16(ip + 2, IPV4_MIN + TCP_MIN);
    v.setUint16(ip + 4, id);
    v.setUint16(ip + 6, 0);
    v.setUint8(ip + 8, TTL);
    v.setUint8(ip + 9, IPPROTO_TCP);
    v.setInt32(ip + 12, source[0]!);
    v.setInt32(ip + 16, target[0]!);
    ipv4SetChecksum(v, ip, IPV4_MIN);
  } else {
    v.setUint32(ip, 0x6000_0000);
    v.setUint16(ip + 4, TCP_MIN);
    v.setUint8(ip + 6, IPPROTO_TCP);
    v.setUint8(ip + 7, TTL);
    for (let i = 0; i < 4; i++) {
      v.setInt32(ip + 8 + 4 * i, source[i]!);
      v.setInt32(ip + 24 + 4 * i, target[i]!);
    }
  }
  v.setUint16(tcp, sourcePort);
  v.setUint16(tcp + 2, targetPort);
  v.setUint32(tcp + 4, sequence);
  v.setUint32(tcp + 8, ack);
  v.setUint8(tcp + 12, 5 << 4);
  v.setUint8(tcp + 13, flags);
  v.setUint16(tcp + 14, (flags & TCP_RST) !== 0 ? 0 : WINDOW);
  v.setUint32(tcp + 16, 0);
  sum(out, family, tcp);
}

function sum(packet: Packet, family: Family, tcp: number): void {
  const v = packet.view;
  v.setUint16(tcp + TCP_CHECKSUM, 0);
  const pseudo =
    family === AF_INET
      ? pseudoSum4(v, packet.data, IPPROTO_TCP, TCP_MIN)
      : pseudoSum6(v, packet.data, IPPROTO_TCP, TCP_MIN);
  v.setUint16(tcp + TCP_CHECKSUM, checksum(v, tcp, TCP_MIN, pseudo));
  packet.ipSummed = CHECKSUM_NONE;
}
