/**
 * Builders of raw packets for tests, also of malformed ones. They compute checksums by the book, byte by byte, and share no code
 * with `src/wire`, so that each can be tested against the other. Addresses are texts; IPv6 ones give IPv6 packets.
 */
import { ascii, concat, viewOf } from './bytes.js';

export const ICMP = 1;
export const IPIP = 4;
export const TCP = 6;
export const UDP = 17;
export const IP6IP = 41;
export const GRE = 47;
export const ESP = 50;
export const AH = 51;
export const ICMP6 = 58;
export const SCTP = 132;

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;
export const ECE = 64;
export const CWR = 128;

const NONE = new Uint8Array(0);

/** What an IP header may be given. */
export interface IpOptions {
  /** TTL or hop limit; 64. */
  readonly ttl?: number;
  /** Type of service or traffic class; 0. */
  readonly tos?: number;
  /** IPv4 identification; 0x1234. */
  readonly id?: number;
  /** IPv4 don't fragment; true. */
  readonly df?: boolean;
  /** IPv4 more fragments; false. */
  readonly mf?: boolean;
  /** IPv4 fragment offset, bytes; 0. */
  readonly off?: number;
  /** IPv4 options; padded with zeros to a multiple of 4. */
  readonly options?: Uint8Array;
  /** IPv6 flow label; 0. */
  readonly flow?: number;
  /** Overrides the true IPv4 total length or IPv6 payload length. */
  readonly length?: number;
  /** Overrides the true IPv4 header length, in words. */
  readonly ihl?: number;
  /** Overrides the version, IPv4. */
  readonly version?: number;
  /** Spoils the IPv4 header checksum. */
  readonly badIpChecksum?: boolean;
}

/** What a TCP header may be given. */
export interface TcpOptions extends IpOptions {
  /** Sequence number; 1000. */
  readonly seq?: number;
  readonly ack?: number;
  readonly data?: Uint8Array;
  /** Window; 8192. */
  readonly win?: number;
  /** TCP options; padded with no-operations to a multiple of 4. */
  readonly tcpOptions?: Uint8Array;
  /** Overrides the true header length, in words. */
  readonly doff?: number;
  readonly badChecksum?: boolean;
}

/** What a UDP header may be given. */
export interface UdpOptions extends IpOptions {
  readonly data?: Uint8Array;
  /** Overrides the true length. */
  readonly udpLength?: number;
  /** Sends 0 as checksum. */
  readonly noChecksum?: boolean;
  readonly badChecksum?: boolean;
}

/** An address in network order. Takes what `inet_pton` takes, without a dotted quad in IPv6. */
export function addr(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.'), Number);
  const [head = '', tail] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const rest = words(tail ?? '');
  const middle = Array<string>(8 - words(head).length - rest.length).fill('0');
  return Uint8Array.from(
    [...words(head), ...middle, ...rest].flatMap((w) => {
      const n = Number.parseInt(w, 16);
      return [n >> 8, n & 255];
    }),
  );
}

/** Big-endian fields: a number of bits for each value, all of them together a multiple of 8. */
export function pack(...fields: readonly (readonly [bits: number, value: number])[]): Uint8Array {
  let bits = '';
  for (const [width, value] of fields)
    bits += (BigInt(Math.trunc(value)) & ((1n << BigInt(width)) - 1n)).toString(2).padStart(width, '0');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
}

/** The Internet checksum of `bytes`, 16-bit word by word. */
export function csum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return ~sum & 0xffff;
}

/** The pseudo header of a packet of either family. */
export function pseudo(src: string, dst: string, protocol: number, length: number): Uint8Array {
  const s = addr(src);
  return s.length === 4
    ? concat(s, addr(dst), pack([16, protocol], [16, length]))
    : concat(s, addr(dst), pack([32, length], [32, protocol]));
}

function withWord(bytes: Uint8Array, at: number, word: number): Uint8Array {
  const out = bytes.slice();
  viewOf(out).setUint16(at, word);
  return out;
}

/** An IPv4 packet. */
export function ip4(
  src: string,
  dst: string,
  protocol: number,
  payload: Uint8Array,
  o: IpOptions = {},
): Uint8Array {
  const options = o.options ?? NONE;
  const padded = concat(options, new Uint8Array(-options.length & 3));
  const words = 5 + padded.length / 4;
  const header = concat(
    pack(
      [4, o.version ?? 4],
      [4, o.ihl ?? words],
      [8, o.tos ?? 0],
      [16, o.length ?? words * 4 + payload.length],
    ),
    pack(
      [16, o.id ?? 0x1234],
      [1, 0],
      [1, (o.df ?? true) ? 1 : 0],
      [1, o.mf ? 1 : 0],
      [13, (o.off ?? 0) / 8],
    ),
    pack([8, o.ttl ?? 64], [8, protocol], [16, 0]),
    addr(src),
    addr(dst),
    padded,
  );
  return concat(withWord(header, 10, csum(header) ^ (o.badIpChecksum ? 0x5555 : 0)), payload);
}

/** An IPv6 packet; `next` is the first next header. */
export function ip6(
  src: string,
  dst: string,
  next: number,
  payload: Uint8Array,
  o: IpOptions = {},
): Uint8Array {
  return concat(
    pack(
      [4, 6],
      [8, o.tos ?? 0],
      [20, o.flow ?? 0],
      [16, o.length ?? payload.length],
      [8, next],
      [8, o.ttl ?? 64],
    ),
    addr(src),
    addr(dst),
    payload,
  );
}

/** An IPv4 or an IPv6 packet, as `src` is. */
export function ip(
  src: string,
  dst: string,
  protocol: number,
  payload: Uint8Array,
  o: IpOptions = {},
): Uint8Array {
  return src.includes(':') ? ip6(src, dst, protocol, payload, o) : ip4(src, dst, protocol, payload, o);
}

/** A TCP packet. */
export function tcp(
  src: string,
  sport: number,
  dst: string,
  dport: number,
  flags: number,
  o: TcpOptions = {},
): Uint8Array {
  const options = o.tcpOptions ?? NONE;
  const padded = concat(options, new Uint8Array(-options.length & 3).fill(1));
  const segment = concat(
    pack(
      [16, sport],
      [16, dport],
      [32, o.seq ?? 1000],
      [32, o.ack ?? 0],
      [4, o.doff ?? 5 + padded.length / 4],
      [4, 0],
    ),
    pack([8, flags], [16, o.win ?? 8192], [16, 0], [16, 0]),
    padded,
    o.data ?? NONE,
  );
  const check = csum(concat(pseudo(src, dst, TCP, segment.length), segment)) ^ (o.badChecksum ? 0x5555 : 0);
  return ip(src, dst, TCP, withWord(segment, 16, check), o);
}

/** A UDP packet. */
export function udp(src: string, sport: number, dst: string, dport: number, o: UdpOptions = {}): Uint8Array {
  const data = o.data ?? NONE;
  const length = o.udpLength ?? 8 + data.length;
  const datagram = concat(pack([16, sport], [16, dport], [16, length], [16, 0]), data);
  const check =
    (csum(concat(pseudo(src, dst, UDP, length), datagram)) || 0xffff) ^ (o.badChecksum ? 0x5555 : 0);
  return ip(src, dst, UDP, o.noChecksum ? datagram : withWord(datagram, 6, check), o);
}

/** An ICMP or ICMPv6 message. @param rest the word after the checksum. */
export function icmp(
  src: string,
  dst: string,
  type: number,
  code: number,
  rest: number,
  data: Uint8Array,
  o: IpOptions & { readonly badChecksum?: boolean } = {},
): Uint8Array {
  const v6 = src.includes(':');
  const protocol = v6 ? ICMP6 : ICMP;
  const message = concat(pack([8, type], [8, code], [16, 0], [32, rest]), data);
  const summed = v6 ? concat(pseudo(src, dst, protocol, message.length), message) : message;
  return ip(src, dst, protocol, withWord(message, 2, csum(summed) ^ (o.badChecksum ? 0x5555 : 0)), o);
}

/** An echo request. @param id identifier. */
export function ping(src: string, dst: string, id: number, seq: number, o: IpOptions = {}): Uint8Array {
  return icmp(src, dst, src.includes(':') ? 128 : 8, 0, id * 0x1_0000 + seq, ascii('ping ping'), o);
}

/** An error about the packet `about`, as much of which is quoted as hosts do: 548 or 1232 bytes. */
export function icmpError(
  src: string,
  dst: string,
  type: number,
  code: number,
  about: Uint8Array,
  o: IpOptions & { readonly info?: number; readonly limit?: number; readonly badChecksum?: boolean } = {},
): Uint8Array {
  const quoted = about.subarray(0, o.limit ?? (src.includes(':') ? 1232 : 548));
  return icmp(src, dst, type, code, o.info ?? 0, quoted, o);
}

/** CRC32c, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const CHUNKS = {
  data: { type: 0, flags: 3, body: concat(pack([32, 1], [16, 0], [16, 0], [32, 0]), ascii('hello sctp')) },
  init: { type: 1, flags: 0, body: pack([32, 0x1122_3344], [32, 65_535], [16, 1], [16, 1], [32, 1]) },
  initAck: {
    type: 2,
    flags: 0,
    body: concat(
      pack([32, 0x5566_7788], [32, 65_535], [16, 1], [16, 1], [32, 9], [16, 7], [16, 12]),
      ascii('COOKIE!!'),
    ),
  },
  sack: { type: 3, flags: 0, body: pack([32, 1], [32, 65_535], [16, 0], [16, 0]) },
  heartbeat: { type: 4, flags: 0, body: concat(pack([16, 1], [16, 8]), ascii('beat')) },
  heartbeatAck: { type: 5, flags: 0, body: concat(pack([16, 1], [16, 8]), ascii('beat')) },
  abort: { type: 6, flags: 0, body: NONE },
  shutdown: { type: 7, flags: 0, body: pack([32, 1]) },
  shutdownAck: { type: 8, flags: 0, body: NONE },
  error: { type: 9, flags: 0, body: NONE },
  cookieEcho: { type: 10, flags: 0, body: ascii('COOKIE!!') },
  cookieAck: { type: 11, flags: 0, body: NONE },
  forwardTsn: { type: 192, flags: 0, body: pack([32, 1]) },
  shutdownComplete: { type: 14, flags: 0, body: NONE },
} as const;

/** A chunk that {@link sctp} can build. */
export type SctpChunk = keyof typeof CHUNKS;

/** An SCTP packet with the given chunks, each with a plausible body. */
export function sctp(
  src: string,
  sport: number,
  dst: string,
  dport: number,
  chunks: readonly SctpChunk[],
  o: IpOptions & { readonly tag?: number; readonly badChecksum?: boolean } = {},
): Uint8Array {
  const bodies = chunks.map((name) => {
    const { type, flags, body } = CHUNKS[name];
    return concat(pack([8, type], [8, flags], [16, 4 + body.length]), body, new Uint8Array(-body.length & 3));
  });
  const tag = chunks[0] === 'init' ? 0 : (o.tag ?? 0x1122_3344);
  const packet = concat(pack([16, sport], [16, dport], [32, tag], [32, 0]), ...bodies);
  const crc = crc32c(packet) ^ (o.badChecksum ? 1 : 0);
  viewOf(packet).setUint32(8, crc, true);
  return ip(src, dst, SCTP, packet, o);
}

/** Cuts an IPv4 packet into fragments of at most `size` bytes of payload (a multiple of 8). */
export function frag4(packet: Uint8Array, size: number): Uint8Array[] {
  const hlen = (packet[0]! & 15) * 4;
  const fragments: Uint8Array[] = [];
  for (let at = hlen; at < packet.length; at += size) {
    const part = packet.subarray(at, at + size);
    const more = at + size < packet.length ? 0x2000 : 0;
    let header = withWord(packet.subarray(0, hlen), 2, hlen + part.length);
    header = withWord(withWord(header, 6, more | ((at - hlen) / 8)), 10, 0);
    fragments.push(concat(withWord(header, 10, csum(header)), part));
  }
  return fragments;
}

/** Cuts an IPv6 packet without extension headers into fragments of at most `size` bytes of payload (a multiple of 8). */
export function frag6(packet: Uint8Array, size: number, id = 0xabcd_0123): Uint8Array[] {
  const fragments: Uint8Array[] = [];
  for (let at = 40; at < packet.length; at += size) {
    const part = packet.subarray(at, at + size);
    const header = withWord(packet.subarray(0, 40), 4, 8 + part.length);
    header[6] = 44;
    const more = at + size < packet.length ? 1 : 0;
    fragments.push(concat(header, pack([8, packet[6]!], [8, 0], [16, (at - 40) | more], [32, id]), part));
  }
  return fragments;
}
