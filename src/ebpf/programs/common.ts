/**
 * What the tc and the XDP program have in common: which packets are theirs, and the look-up of flow and way. Registers keep their meaning
 * through a program: `ctx`, `packet`, `flow`, `way` survive calls.
 */
import type { Assembler } from '../assembler.js';
import { type Memory, part, type Register, r0, r1, r2, r3, r5, r10, register } from '../operand.js';
import { record, u32, u64 } from '../record.js';
import { COUNTER, FLOW, FLOW4_KEY, FLOW6_KEY, REPORT, WAY } from './flow-maps.js';
import {
  ETH_HLEN,
  ETHERNET,
  htons,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4,
  IPV6,
  TCP,
  UDP,
} from './headers.js';
import { ordinarySctp } from './sctp.js';

export const ctx = register(6, 'ctx');
/** The packet's first byte: its Ethernet header. */
export const packet = register(7, 'packet');
export const flow = register(8, 'flow');
export const way = register(9, 'way');

const LOCALS = record('locals', {
  /** IP bytes of the packet. */
  length: u64,
  /** Number of the way, */
  way: u32,
  /** and of the counters. */
  counter: u32,
  /** Low half of jiffies. */
  tick: u32,
  /** The interface that the packet came in by. */
  link: u32,
  /** What an outer header takes over. */
  tos: u32,
  ttl: u32,
  fragment: u32,
  id: u32,
  /** FIN, SYN, RST and ACK of a segment; of other packets ACK alone. */
  flags: u32,
  /** Protocol behind an outer IP header, and bytes between that header and the packet. */
  protocol: u32,
  shim: u32,
  /** Sum of the packet inside, words as they are loaded, folded to 16 bits. */
  inner: u32,
});

/** Where to go with packets that the program leaves alone. */
export const SLOW = 'slow';

/** MF and the fragment offset. */
const FRAGMENT = htons(0x3fff);
/** FIN, SYN, RST, ACK: whatever has another of these than ACK alone may change a connection's state. */
export const STATE_FLAGS = 0x17;
export const SYN = 0x02;
export const ACK = 0x10;
/** Smallest TTL that a router may take one from. */
const TTL_MIN = 2;

/** The stack of a program. */
export type Frame = ReturnType<typeof frame>;

/** Lays the stack out. */
export function frame(a: Assembler) {
  return {
    locals: a.stack(LOCALS),
    key4: a.stack(FLOW4_KEY),
    key6: a.stack(FLOW6_KEY),
    report: a.stack(REPORT),
  };
}

/** Which segments are looked up: those that can change nothing, or all that do not begin a connection. */
export type Segments = 'plain' | 'all';

/** Where packets go of which no flow is known: {@link SLOW}, unless the program opens connections itself (opening.ts). */
export interface Misses {
  /** A segment that begins a connection; nothing was looked up. */
  readonly syn: string;
  readonly other: string;
  /** What is here to be gone on with, with a flow in r0. */
  readonly found: string;
}

/** The IPv4 header. */
export const ip4 = IPV4.at(packet, ETH_HLEN);
/** Transport headers behind it. */
export const tcp4 = TCP.at(packet, ETH_HLEN + IPV4.size);
export const udp4 = UDP.at(packet, ETH_HLEN + IPV4.size);
/** The IPv6 header. */
export const ip6 = IPV6.at(packet, ETH_HLEN);
export const tcp6 = TCP.at(packet, ETH_HLEN + IPV6.size);
export const udp6 = UDP.at(packet, ETH_HLEN + IPV6.size);
export const inFlow = FLOW.at(flow);
export const inWay = WAY.at(way);

/**
 * IPv4: checks that the packet is an ordinary one and finds its flow.
 * @param end register with the packet's end. @param room register with the bytes behind the Ethernet header.
 */
export function findFlow4(
  a: Assembler,
  { locals, key4 }: Frame,
  end: Register,
  room: Register,
  segments: Segments,
  misses?: Misses,
): void {
  a.needBytes(packet, ETH_HLEN + IPV4.size + UDP.size, end, r1, SLOW);
  a.load(r1, ip4.versionIhl).jumpIf(r1, '!=', 0x45, SLOW);
  a.load(r1, ip4.fragment).jumpIf(r1, '&', FRAGMENT, SLOW);
  a.load(r1, ip4.ttl).jumpIf(r1, '<', TTL_MIN, SLOW);
  a.load(r2, ip4.totalLength).toBigEndian(r2, 16).jumpIf(r2, '>', room, SLOW);
  a.store(locals.length, r2);
  // source and destination in one
  a.load(r1, part(ip4.source, 0, 8)).store(part(key4.source, 0, 8), r1);
  a.load(r1, tcp4.ports).store(ports(key4.sourcePort), r1);
  a.load(r1, ip4.protocol).store(key4.protocol, r1);
  ordinaryTransport(a, locals, end, IPV4.size, tcp4.flags, segments, misses);
  a.movMap(r1, 'flows4').mov(r2, r10).add(r2, key4.offset).call('map_lookup_elem');
  takeFlow(a, locals, misses);
}

/** IPv6: likewise. Extension headers are for the slow path. */
export function findFlow6(
  a: Assembler,
  { locals, key6 }: Frame,
  end: Register,
  room: Register,
  segments: Segments,
  misses?: Misses,
): void {
  a.needBytes(packet, ETH_HLEN + IPV6.size + UDP.size, end, r1, SLOW);
  a.load(r1, part(ip6.versionClassFlow, 0, 1))
    .and(r1, 0xf0)
    .jumpIf(r1, '!=', 0x60, SLOW);
  a.load(r1, ip6.hopLimit).jumpIf(r1, '<', TTL_MIN, SLOW);
  a.load(r2, ip6.payloadLength).toBigEndian(r2, 16).add(r2, IPV6.size).jumpIf(r2, '>', room, SLOW);
  a.store(locals.length, r2);
  for (const at of [0, 8]) {
    a.load(r1, part(ip6.source, at, 8)).store(part(key6.source, at, 8), r1);
    a.load(r1, part(ip6.destination, at, 8)).store(part(key6.destination, at, 8), r1);
  }
  a.load(r1, tcp6.ports).store(ports(key6.sourcePort), r1);
  a.load(r1, ip6.nextHeader).store(key6.protocol, r1);
  ordinaryTransport(a, locals, end, IPV6.size, tcp6.flags, segments, misses);
  a.movMap(r1, 'flows6').mov(r2, r10).add(r2, key6.offset).call('map_lookup_elem');
  takeFlow(a, locals, misses);
}

/** Both ports of a key, as one number. */
function ports(source: Memory): Memory {
  return part(source, 0, 4);
}

/** TCP, UDP or, in tc, SCTP, whose protocol is in r1, and the length in r2; long enough, all of its header in reach. */
function ordinaryTransport(
  a: Assembler,
  locals: Frame['locals'],
  end: Register,
  header: number,
  flags: Memory,
  segments: Segments,
  misses: Misses | undefined,
): void {
  const [protocol, length] = [r1, r2];
  const udp = a.newLabel('udp');
  const done = a.newLabel('transport');
  a.store(locals.flags, ACK);
  const other = segments === 'all' ? a.newLabel('other') : SLOW;
  a.jumpIf(protocol, '==', IPPROTO_UDP, udp).jumpIf(protocol, '!=', IPPROTO_TCP, other);
  a.jumpIf(length, '<', header + TCP.size, SLOW);
  a.needBytes(packet, ETH_HLEN + header + TCP.size, end, r5, SLOW);
  a.load(r5, flags).and(r5, STATE_FLAGS).store(locals.flags, r5);
  a.jumpIf(r5, '==', segments === 'plain' ? ACK : SYN, segments === 'plain' ? done : (misses?.syn ?? SLOW));
  a.jump(segments === 'plain' ? SLOW : done);
  if (segments === 'all') {
    // XDP cannot tell a CRC that is still to be completed
    a.label(other).jumpIf(protocol, '!=', IPPROTO_SCTP, SLOW);
    ordinarySctp(a, length, end, header, done);
  }
  a.label(udp).jumpIf(length, '<', header + UDP.size, SLOW);
  a.label(done);
}

/** The flow that the look-up has found, and its way, which must be open. */
function takeFlow(a: Assembler, locals: Frame['locals'], misses: Misses | undefined): void {
  a.jumpIf(r0, '==', 0, misses?.other ?? SLOW);
  if (misses !== undefined) a.label(misses.found);
  a.mov(flow, r0);
  a.load(r1, inFlow.way).store(locals.way, r1);
  a.movMap(r1, 'ways').mov(r2, r10).add(r2, locals.way.offset).call('map_lookup_elem');
  a.jumpIf(r0, '==', 0, SLOW).mov(way, r0);
  a.load(r1, inWay.ifindex).jumpIf(r1, '==', 0, SLOW);
}

/** Counts the packet in its flow and in the counters of its server, `byXdp` also as one that XDP has carried. */
export function account(a: Assembler, { locals }: Frame, label: string, byXdp = false): void {
  const counter = COUNTER.at(r0);
  a.mov(r1, 1).atomicAdd(inFlow.packets, r1);
  // most packets of a busy flow come within one tick
  const sameTick = a.newLabel('tick');
  a.call('jiffies64').load(r1, inFlow.tick).jumpIf32(r0, '==', r1, sameTick).store(locals.tick, r0);
  a.call('ktime_get_coarse_ns').store(inFlow.lastUsed, r0).load(r1, locals.tick).store(inFlow.tick, r1);
  a.label(sameTick);
  a.load(r1, inFlow.counter).store(locals.counter, r1);
  a.movMap(r1, 'counters').mov(r2, r10).add(r2, locals.counter.offset).call('map_lookup_elem');
  // each processor has its own: nobody else adds to it
  a.jumpIf(r0, '==', 0, label);
  a.load(r1, counter.packets).add(r1, 1).store(counter.packets, r1);
  a.load(r1, counter.bytes).load(r2, locals.length).add(r1, r2).store(counter.bytes, r1);
  if (byXdp) a.load(r1, counter.xdp).add(r1, 1).store(counter.xdp, r1);
  a.label(label);
}

/** Writes the way's hardware addresses into the frame: destination and source, twelve bytes in one. */
export function address(a: Assembler): void {
  const { destination } = ETHERNET.at(packet);
  for (const [at, size] of [
    [0, 8],
    [8, 4],
  ] as const)
    a.load(r1, part(inWay.destination, at, size)).store(part(destination, at, size), r1);
}

/** Folds the sum in `sum` to 16 bits: one below 2^32 in two turns, one below 2^35 in three. */
export function fold(a: Assembler, sum: Register, scratch: Register, turns: 2 | 3 = 2): void {
  for (let i = 0; i < turns; i++) a.mov(scratch, sum).rsh(scratch, 16).and(sum, 0xffff).add(sum, scratch);
}

/** Takes one from the TTL, and puts the checksum right for that and for `delta`, a register with a further difference. */
export function decrementTtl4(a: Assembler, delta?: Register): void {
  a.load(r1, ip4.ttl).sub(r1, 1).store(ip4.ttl, r1);
  // the 16-bit word of TTL and protocol has become one less, which in ones' complement is to add 0xfffe
  a.load(r1, ip4.checksum).xor(r1, 0xffff).add(r1, 0xfffe);
  if (delta !== undefined) a.add(r1, delta);
  fold(a, r1, r2);
  a.xor(r1, 0xffff).store(ip4.checksum, r1);
}

/** Takes one from the hop limit. */
export function decrementTtl6(a: Assembler): void {
  a.load(r1, ip6.hopLimit).sub(r1, 1).store(ip6.hopLimit, r1);
}

/** Puts the flow's address in place of one in the header; r3 is overwritten. */
export function rewriteAddress(a: Assembler, version: 4 | 6, to: Memory): Assembler {
  for (const [offset, size] of version === 4
    ? ([[0, 4]] as const)
    : ([
        [0, 8],
        [8, 8],
      ] as const)) {
    a.load(r3, part(inFlow.address, offset, size)).store(part(to, offset, size), r3);
  }
  return a;
}
