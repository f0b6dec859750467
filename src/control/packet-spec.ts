/** Packets to ask about: described by their fields, or as their bytes. */

import { IpvsError } from '../errors.js';
import { checksum, ipv4SetChecksum, pseudoSum4, pseudoSum6 } from '../wire/checksum.js';
import { ICMP_ECHO, ICMP_HEADER, ICMPV6_ECHO_REQUEST } from '../wire/icmp.js';
import { AF_INET, inetBytes, parseInet } from '../wire/inet.js';
import { IPV4_MIN } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import { HEADROOM, Packet } from '../wire/packet.js';
import { SCTP_CHUNK_HEADER, SCTP_CID_INIT, SCTP_HEADER, sctpSetChecksum } from '../wire/sctp.js';
import { TCP_CHECKSUM, TCP_MIN } from '../wire/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../wire/udp.js';
import { address, port } from './fields.js';
import {
  described,
  either,
  integer,
  list,
  named,
  object,
  oneOf,
  optional,
  type Read,
  textOf,
  withDefault,
} from './shape.js';

/** Lowest bit first, as in the header. */
const FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'] as const;
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, sctp: 132 } as const;
const ICMPV6 = 58;

const about = {
  fwmark: described(optional(integer('a firewall mark', 0, 0xffff_ffff)), 'Firewall mark. Default 0.'),
  hook: described(
    optional(oneOf('a hook', ['input', 'forward', 'output'])),
    'Where netfilter hands it over. Default: by its addresses.',
  ),
};

const fields = object({
  protocol: oneOf('a protocol', ['tcp', 'udp', 'sctp', 'icmp']),
  source: address,
  sourcePort: withDefault(port, 0),
  destination: address,
  destinationPort: withDefault(port, 0),
  flags: described(withDefault(list(oneOf('a TCP flag', FLAGS)), ['syn']), 'TCP flags.'),
  ttl: withDefault(integer('a TTL', 0, 255), 64),
  length: described(
    withDefault(integer('a payload length', 0, 65_000), 0),
    'Payload bytes behind the transport header.',
  ),
  ...about,
});

/** A whole IP packet, in hexadecimal digits. */
const bytes = object({
  bytes: textOf(
    'an IP packet in hexadecimal digits',
    { pattern: '^([0-9a-fA-F]{2}){1,65535}$' },
    (value) => value.length >= 2 && value.length <= 131_070 && /^([0-9a-fA-F]{2})+$/.test(value),
  ),
  ...about,
});

/** A packet to ask about. */
export const packetSpec = named('PacketSpec', either('bytes', bytes, fields));
/** A packet to ask about. */
export type PacketSpec = Read<typeof packetSpec>;

type Fields = Read<typeof fields>;

/** A packet by its fields; those that may be left out have the defaults of {@link PacketSpec}. */
export type PacketFields = Pick<Fields, 'protocol' | 'source' | 'destination'> & Partial<Fields>;

/** The packet that `spec` describes, as one that comes in from outside. Throws BAD_REQUEST when its addresses are of two families. */
export function toPacket(spec: PacketSpec): Packet {
  const packet = new Packet();
  packet.load('bytes' in spec ? fromHex(spec.bytes) : build(spec));
  packet.mark = spec.fwmark ?? 0;
  packet.ifindex = 1;
  return packet;
}

/**
 * The bytes of an IP packet with right checksums.
 * @throws BAD_REQUEST naming the field that is wrong.
 */
export function packetBytes(described: PacketFields): Uint8Array {
  return build(fields.read(described, 'packet'));
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function build(spec: Fields): Uint8Array {
  const source = parseInet(spec.source)!;
  const target = parseInet(spec.destination)!;
  if (source.family !== target.family) {
    throw new IpvsError(
      'BAD_REQUEST',
      `${spec.destination} is of another family than ${spec.source}`,
      'packet.destination',
    );
  }
  const v4 = source.family === AF_INET;
  const header = v4 ? IPV4_MIN : IPV6_HEADER;
  const protocol = spec.protocol === 'icmp' && !v4 ? ICMPV6 : PROTOCOLS[spec.protocol];
  const total = header + HEADERS[spec.protocol] + spec.length;
  const out = new Uint8Array(HEADROOM + total).subarray(HEADROOM);
  const v = new DataView(out.buffer, out.byteOffset);
  if (v4) {
    v.setUint16(0, 0x4500);
    v.setUint16(2, total);
    v.setUint16(6, 0x4000);
    v.setUint8(8, spec.ttl);
    v.setUint8(9, protocol);
    out.set(inetBytes(source), 12);
    out.set(inetBytes(target), 16);
    ipv4SetChecksum(v, 0, IPV4_MIN);
  } else {
    v.setUint8(0, 0x60);
    v.setUint16(4, total - IPV6_HEADER);
    v.setUint8(6, protocol);
    v.setUint8(7, spec.ttl);
    out.set(inetBytes(source), 8);
    out.set(inetBytes(target), 24);
  }
  fillTransport(v, header, total - header, spec, protocol, v4);
  return out;
}

const HEADERS = {
  tcp: TCP_MIN,
  udp: UDP_HEADER,
  sctp: SCTP_HEADER + SCTP_CHUNK_HEADER,
  icmp: ICMP_HEADER,
} as const;

function fillTransport(
  v: DataView,
  at: number,
  length: number,
  spec: Fields,
  protocol: number,
  v4: boolean,
): void {
  const pseudo = v4 ? pseudoSum4(v, 0, protocol, length) : pseudoSum6(v, 0, protocol, length);
  if (spec.protocol === 'icmp') {
    v.setUint8(at, v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
    v.setUint16(at + 2, checksum(v, at, length, v4 ? 0 : pseudo));
    return;
  }
  v.setUint16(at, spec.sourcePort);
  v.setUint16(at + 2, spec.destinationPort);
  if (spec.protocol === 'tcp') {
    const flags = FLAGS.reduce((bits, name, i) => (spec.flags.includes(name) ? bits | (1 << i) : bits), 0);
    v.setUint16(at + 12, 0x5000 | flags);
    v.setUint16(at + 14, 65_535);
    v.setUint16(at + TCP_CHECKSUM, checksum(v, at, length, pseudo));
  } else if (spec.protocol === 'udp') {
    v.setUint16(at + 4, length);
    v.setUint16(at + UDP_CHECKSUM, checksum(v, at, length, pseudo) || 0xffff);
  } else {
    v.setUint8(at + SCTP_HEADER, SCTP_CID_INIT);
    v.setUint16(at + SCTP_HEADER + 2, length - SCTP_HEADER);
    sctpSetChecksum(v, at, length);
  }
}
