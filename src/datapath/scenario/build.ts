/** Packets that the host makes itself. */
import { checksum, checksumFold, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from '../../wire/checksum.js';
import { AF_INET, type InetAddr, inetBytes } from '../../wire/inet.js';
import { IPV4_MIN } from '../../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_HEADER, IPV6_SOURCE } from '../../wire/ipv6.js';
import { CHECKSUM_PARTIAL, type Packet } from '../../wire/packet.js';
import { HOP_LIMIT } from './host-sysctls.js';
import type { SimHost } from './sim-host.js';

/** The header of a packet to be made. */
export interface HeaderSpec {
  readonly source: InetAddr;
  readonly daddr: InetAddr;
  readonly protocol: number;
  /** Type of service or traffic class; 0 when left out. */
  readonly tos?: number;
  /** TTL or hop limit; the host's own when left out. */
  readonly ttl?: number;
  /** IPv4: DF is set. */
  readonly df?: boolean;
  /** IPv4: identification; 0 when left out. */
  readonly id?: number;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: Uint8Array;
}

/**
 * A packet with that header around `payload`.
 * @param field offset in `payload` of the transport checksum, which is computed; ICMP (IPv4) has no pseudo header.
 */
export function buildPacket(host: SimHost, spec: HeaderSpec, payload: Uint8Array, field: number): Packet {
  const v4 = spec.source.family === AF_INET;
  const options = spec.options ?? new Uint8Array(0);
  const header = v4 ? IPV4_MIN + options.length : IPV6_HEADER;
  const p = host.packet(new Uint8Array(header + payload.length));
  const v = p.view;
  const ip = p.data;
  p.bytes.set(payload, ip + header);
  if (v4) {
    v.setUint8(ip, 0x40 | (header >>> 2));
    v.setUint8(ip + 1, spec.tos ?? 0);
    v.setUint16(ip + 2, p.len);
    v.setUint16(ip + 4, spec.id ?? 0);
    v.setUint16(ip + 6, spec.df ? 0x4000 : 0);
    v.setUint8(ip + 8, spec.ttl ?? host.sysctls.get('ipv4/ip_default_ttl'));
    v.setUint8(ip + 9, spec.protocol);
    p.bytes.set(inetBytes(spec.source), ip + 12);
    p.bytes.set(inetBytes(spec.daddr), ip + 16);
    p.bytes.set(options, ip + IPV4_MIN);
    ipv4SetChecksum(v, ip, header);
  } else {
    v.setUint32(ip, (0x6000_0000 | ((spec.tos ?? 0) << 20)) >>> 0);
    v.setUint16(ip + 4, payload.length);
    v.setUint8(ip + 6, spec.protocol);
    v.setUint8(ip + 7, spec.ttl ?? HOP_LIMIT);
    p.bytes.set(inetBytes(spec.source), ip + IPV6_SOURCE);
    p.bytes.set(inetBytes(spec.daddr), ip + IPV6_DESTINATION);
  }
  v.setUint16(ip + header + field, 0);
  const sum = transportSum(p, header, spec.protocol, payload.length);
  v.setUint16(ip + header + field, spec.protocol === 17 && sum === 0 ? 0xffff : sum);
  return p;
}

/**
 * Leaves the transport checksum of a packet to whoever transmits it, as sockets do when the route is by an interface that does such work.
 * @param header offset of the transport header from the IP header. @param field offset of the checksum from there.
 */
export function leaveChecksum(p: Packet, header: number, field: number, protocol: number): void {
  const v = p.view;
  const pseudo = v.getUint8(p.data) >>> 4 === 6 ? pseudoSum6 : pseudoSum4;
  v.setUint16(p.data + header + field, checksumFold(pseudo(v, p.data, protocol, p.len - header)));
  p.ipSummed = CHECKSUM_PARTIAL;
  p.csumStart = header;
  p.csumOffset = field;
}

/**
 * The checksum over `length` bytes of transport header and data at `header` (from the IP header), with the pseudo header that the
 * protocol has: 0 for a packet whose checksum is right.
 */
export function transportSum(p: Packet, header: number, protocol: number, length: number): number {
  const v = p.view;
  const v6 = v.getUint8(p.data) >>> 4 === 6;
  const pseudo = v6
    ? pseudoSum6(v, p.data, protocol, length)
    : protocol === 1
      ? 0
      : pseudoSum4(v, p.data, protocol, length);
  return checksum(v, p.data + header, length, pseudo);
}
