/** Packets for the fast path: ordinary ones, and those that only the engine can handle. */
import fc from 'fast-check';
import { CONN_F_MASQ } from '../../src/engine/flags.js';
import { filler, viewOf } from '../support/bytes.js';
import {
  ACK,
  CWR,
  csum,
  ECE,
  FIN,
  PSH,
  pseudo,
  RST,
  SCTP,
  type SctpChunk,
  SYN,
  sctp,
  TCP,
  tcp,
  UDP,
  URG,
  udp,
} from '../support/packets.js';
import { KINDS, MTU } from './director.js';

/** One packet of a connection. */
export interface Vector {
  readonly kind: number;
  readonly protocol: number;
  readonly client: number;
  readonly port: number;
  readonly fromServer: boolean;
  readonly flags: number;
  /** The first chunk of SCTP. */
  readonly chunk: SctpChunk;
  readonly ttl: number;
  readonly tos: number;
  readonly id: number;
  readonly flow: number;
  readonly df: boolean;
  readonly length: number;
  readonly seq: number;
  readonly fault:
    | 'none'
    | 'badChecksum'
    | 'noChecksum'
    | 'partialChecksum'
    | 'options'
    | 'fragment'
    | 'last fragment'
    | 'cut'
    | 'padded';
}

const often = <T>(value: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(value) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );

const CARRIED_CHUNKS: readonly SctpChunk[] = ['data', 'sack', 'heartbeat', 'heartbeatAck', 'forwardTsn'];
const MOVING_CHUNKS: readonly SctpChunk[] = [
  'init',
  'initAck',
  'abort',
  'shutdown',
  'shutdownAck',
  'error',
  'cookieEcho',
  'cookieAck',
  'shutdownComplete',
];

const anyVectorArb: fc.Arbitrary<Vector> = fc.record({
  kind: fc.nat(KINDS.length - 1),
  protocol: fc.constantFrom(TCP, UDP, SCTP),
  client: fc.nat(0xffff),
  // from port 20, FTP's own for data, no connection is scheduled
  port: fc.integer({ min: 1, max: 65_535 }).filter((port) => port !== 20),
  fromServer: fc.boolean(),
  flags: often(
    ACK,
    ACK | PSH,
    ACK | PSH | URG | ECE | CWR,
    SYN,
    SYN | ACK,
    FIN | ACK,
    RST,
    RST | ACK,
    0,
    PSH,
  ),
  chunk: fc.constantFrom(...CARRIED_CHUNKS, ...CARRIED_CHUNKS, ...MOVING_CHUNKS),
  ttl: often(64, 0, 1, 2, 255),
  tos: fc.nat(255),
  id: fc.nat(65_535),
  flow: fc.nat(0xf_ffff),
  df: fc.boolean(),
  length: fc.oneof(fc.nat(100), fc.integer({ min: 1380, max: MTU }), fc.nat(3000)),
  seq: fc.nat(),
  fault: often(
    'none' as Vector['fault'],
    'badChecksum',
    'noChecksum',
    'partialChecksum',
    'options',
    'fragment',
    'last fragment',
    'cut',
    'padded',
  ),
});

/** Of SCTP connections to another port none is carried: their checksums would have to be made anew. */
export const vectorArb: fc.Arbitrary<Vector> = anyVectorArb.filter(
  ({ kind, protocol }) => protocol !== SCTP || KINDS[kind]!.port === KINDS[kind]!.serverPort,
);

/** The client's address. */
export function clientOf({ kind, client }: Vector): string {
  const six = KINDS[kind]!.vip.includes(':');
  return six ? `2001:db8:c::${client.toString(16)}` : `172.16.${client >>> 8}.${client & 255}`;
}

/** A vector of a method without answers has none. */
export function isReply({ kind, fromServer }: Vector): boolean {
  return fromServer && KINDS[kind]!.method === CONN_F_MASQ;
}

/** Addresses and ports. */
function endsOf(v: Vector) {
  const kind = KINDS[v.kind]!;
  const client = clientOf(v);
  return isReply(v)
    ? ([kind.server, kind.serverPort, client, v.port] as const)
    : ([client, v.port, kind.vip, kind.port] as const);
}

/** What the checksum field holds while the sum is left to a network card. */
function partialSum(v: Vector): number {
  const [source, , destination] = endsOf(v);
  const header = v.protocol === TCP ? 20 : 8;
  return ~csum(pseudo(source, destination, v.protocol, header + v.length)) & 0xffff;
}

/** Where the checksum is. */
function checksumAt(v: Vector): number {
  return (KINDS[v.kind]!.vip.includes(':') ? 40 : 20) + (v.protocol === TCP ? 16 : 6);
}

/** The packet. */
export function build(v: Vector): Uint8Array {
  const ends = endsOf(v);
  const { ttl, tos, id, flow, df, seq, fault } = v;
  const data = filler(v.length);
  const ip = {
    ttl,
    tos,
    id,
    flow,
    df,
    mf: fault === 'fragment',
    off: fault === 'last fragment' ? 80 : 0,
    ...(fault === 'options' && { options: Uint8Array.of(1, 1, 1, 0) }),
  };
  const options = { ...ip, data, badChecksum: fault === 'badChecksum' };
  const packet =
    v.protocol === TCP
      ? tcp(...ends, v.flags, { ...options, seq })
      : v.protocol === SCTP
        ? sctp(...ends, [v.chunk, 'data'], options)
        : udp(...ends, { ...options, noChecksum: fault === 'noChecksum' });
  // a test run takes no packet without a whole IP header
  if (fault === 'cut')
    return packet.slice(0, Math.max(packet[0]! >>> 4 === 6 ? 40 : 20, packet.length - 1 - (seq % 30)));
  if (fault === 'partialChecksum' && v.protocol !== SCTP)
    viewOf(packet).setUint16(checksumAt(v), partialSum(v));
  if (fault !== 'padded') return packet;
  const padded = new Uint8Array(packet.length + (seq % 20));
  padded.set(packet);
  return padded;
}

/** The packet without what lies behind it in its frame. */
export function trimmed(v: Vector, packet: Uint8Array): Uint8Array {
  return v.fault === 'padded' ? packet.subarray(0, packet.length - (v.seq % 20)) : packet;
}

/** The packet may change the state of its connection: a segment that has not ACK alone. */
export function isReported({ protocol, flags }: Vector): boolean {
  return protocol === TCP && (flags & (SYN | FIN | RST | ACK)) !== ACK;
}

/**
 * Why only the engine can handle the packet; undefined when the program can.
 * @param room bytes that the way out takes. @param type tc also carries what it then reports.
 */
export function unusual(v: Vector, room: number, type: 'tc' | 'xdp' = 'tc'): string | undefined {
  const six = KINDS[v.kind]!.vip.includes(':');
  if (v.ttl < 2) return 'TTL';
  // IPv6 has no options and no fragments without an extension header, which these packets do not have
  if (!six && (v.fault === 'options' || v.fault === 'fragment' || v.fault === 'last fragment'))
    return v.fault;
  if (v.fault === 'cut') return 'cut';
  const header = (six ? 40 : 20) + (v.protocol === TCP ? 20 : 8);
  if (v.protocol !== SCTP && header + v.length > room) return 'too large';
  const begins = (v.flags & SYN) !== 0 && (!isReply(v) || (v.flags & (FIN | RST | ACK)) === 0);
  if (isReported(v) && (type === 'xdp' || begins)) return 'state';
  const { method, tunFlags = 0 } = KINDS[v.kind]!;
  if (v.protocol === UDP && v.fault === 'noChecksum' && (method === CONN_F_MASQ || tunFlags !== 0))
    return 'no checksum';
  // a whole one may look like that
  if (type === 'xdp' && v.protocol !== SCTP && viewOf(build(v)).getUint16(checksumAt(v)) === partialSum(v))
    return 'partial checksum';
  if (v.protocol !== SCTP) return undefined;
  if (type === 'xdp') return 'SCTP in XDP';
  if (tunFlags !== 0) return 'SCTP in a tunnel with a checksum';
  return MOVING_CHUNKS.includes(v.chunk) ? 'chunk' : undefined;
}
