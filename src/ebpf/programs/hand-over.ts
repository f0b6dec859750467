/**
 * How the steering program hands a packet to the engine without the TUN device: a copy in a ring buffer. So go segments that open a connection, and datagrams, in
 * one piece and of ordinary length; all others go through the device.
 *
 * What is in the ring buffer is decided before what is in the device, so a packet must not get in there while an earlier one of its flow waits in the device.
 * Therefore the program notes when it sent something to the device that might be followed so, and for a while all of that flow goes there.
 */
import type { Assembler } from '../assembler.js';
import { type Memory, part, r0, r1, r2, r3, r4, r5, r10, register } from '../operand.js';
import {
  ARRIVAL,
  ARRIVAL_CHECKSUMS,
  ARRIVAL_ROOMS,
  ARRIVAL_STATE,
  DETOUR,
  DETOUR_BITS,
  DETOUR_TIME_SHIFT,
} from './arrival.js';
import { ctx, fold, packet, STATE_FLAGS, SYN } from './common.js';
import { ETH_HLEN, ETHERNET, IPPROTO_TCP, IPPROTO_UDP, IPV6, SK_BUFF, TCP, UDP } from './headers.js';
import { type Frame, fragment, protocol } from './steer-frame.js';

const TC_ACT_SHOT = 2;
const BPF_RB_NO_WAKEUP = 1;
const BPF_RB_FORCE_WAKEUP = 2;
/** Argument of `bpf_csum_level`: nothing is changed. */
const BPF_CSUM_LEVEL_QUERY = 0;
/** 2^64 divided by the golden ratio: it spreads what it is multiplied with over the upper bits. */
const SPREAD = 0x9e37_79b9_7f4a_7c15n;

/** In the units of `DETOUR`. */
const now = register(9, 'now');
/** The packet's place in the ring buffer. */
const entry = register(9, 'entry');
/** The packet's length, when the protocol is not asked for any more. */
const length = register(8, 'length');

/** Through the TUN device. */
export const DEVICE = 'device';
/** Through the TUN device, and what may follow likewise: `locals.index` is that of the flow. */
const DETOUR_WAY = 'detour';

/**
 * Hands the packet over, or goes to {@link DEVICE}. The register `packet` is good for the Ethernet header.
 * @param patience how long a flow keeps to the device, ns: more than any packet waits there.
 */
export function handOver(a: Assembler, f: Frame, version: 4 | 6, patience: number): void {
  const { locals } = f;
  const skb = SK_BUFF.at(ctx);
  const candidate = `candidate.v${version}`;
  const detoured = `detoured.v${version}`;
  a.jumpIf(fragment, '!=', 0, detoured);
  a.store(locals.checksumAt, UDP.fields.checksum.offset).jumpIf(protocol, '==', IPPROTO_UDP, candidate);
  a.jumpIf(protocol, '!=', IPPROTO_TCP, DEVICE);
  a.store(locals.checksumAt, TCP.fields.checksum.offset);
  a.load(r2, locals.transport).add(r2, TCP.fields.flags.offset);
  peek(a, locals.peek, 1, detoured);
  a.load(r1, part(locals.peek, 0, 1))
    .and(r1, STATE_FLAGS)
    .jumpIf(r1, '!=', SYN, detoured);

  a.label(candidate).call('ktime_get_coarse_ns').rsh(r0, DETOUR_TIME_SHIFT).mov(now, r0);
  // what has taken the device as a fragment had no ports
  for (const ports of [undefined, part(f.ports.sourcePort, 0, 4)]) {
    const none = a.newLabel('no.detour');
    const detour = DETOUR.at(r0);
    findSlot(a, f, version, ports);
    lookUp(a, locals.index, 'detours', DEVICE);
    a.load(r1, detour.tag).load(r2, locals.tag).jumpIf(r1, '!=', r2, none);
    a.load(r1, detour.time).mov(r2, now).sub32(r2, r1);
    a.jumpIf(r2, '<', Math.ceil(patience / 2 ** DETOUR_TIME_SHIFT), detoured).label(none);
  }
  a.load(r1, skb.gsoSize).jumpIf(r1, '!=', 0, detoured);
  a.load(r1, skb.len).sub(r1, ETH_HLEN).store(locals.length, r1);
  a.jumpIf(r1, '>', ARRIVAL_ROOMS.at(-1)!, detoured);
  findChecksum(a, f, version, detoured);
  a.jump(COPY);

  a.label(detoured);
  findSlot(a, f, version, part(f.ports.sourcePort, 0, 4));
  a.jump(DETOUR_WAY);
}

/** What both families have in common, once. */
export function finishHandOver(a: Assembler, { locals }: Frame): void {
  copy(a, locals);
  a.label(DETOUR_WAY);
  lookUp(a, locals.index, 'detours', DEVICE);
  a.mov(entry, r0).call('ktime_get_coarse_ns').rsh(r0, DETOUR_TIME_SHIFT).mov32(r0, r0);
  a.load(r1, locals.tag).lsh(r1, 32).or(r0, r1);
  a.store(part(DETOUR.at(entry).time, 0, DETOUR.size), r0).jump(DEVICE);
}

const COPY = 'copy';

/** Brings bytes of the frame, from the offset in r2, to the stack. */
function peek(a: Assembler, to: Memory, size: number, otherwise: string): void {
  a.mov(r1, ctx).mov(r3, r10).add(r3, to.offset).mov(r4, size).call('skb_load_bytes');
  a.jumpIf(r0, '!=', 0, otherwise);
}

/** The element of an array that has a number on the stack, to r0. */
function lookUp(a: Assembler, index: Memory, map: string, otherwise: string): void {
  a.movMap(r1, map).mov(r2, r10).add(r2, index.offset).call('map_lookup_elem').jumpIf(r0, '==', 0, otherwise);
}

/** The flow's slot of detours. @param ports both; left out for all flows between two addresses. */
function findSlot(
  a: Assembler,
  { ip4, ip6, locals }: Frame,
  version: 4 | 6,
  ports: Memory | undefined,
): void {
  const words =
    version === 4
      ? [ip4.source, ip4.destination]
      : [ip6.source, ip6.destination].flatMap((address) => [part(address, 0, 8), part(address, 8, 8)]);
  a.movImm64(r3, SPREAD).mov(r1, 0);
  for (const word of words) a.load(r2, word).add(r1, r2).mul(r1, r3);
  if (ports !== undefined) a.load(r2, ports).add(r1, r2);
  a.mul(r1, r3).mov(r2, r1);
  a.rsh(r2, 64 - DETOUR_BITS)
    .store(locals.index, r2)
    .lsh(r1, DETOUR_BITS)
    .rsh(r1, 32)
    .store(locals.tag, r1);
}

/**
 * Finds out what is known of the checksum. The kernel does not tell whether it is still to be completed, but its helper for parts of a packet that are no pseudo header
 * leaves those alone then. So it is tried on the first bytes of the frame, which nobody needs any more.
 */
function findChecksum(a: Assembler, f: Frame, version: 4 | 6, otherwise: string): void {
  const { locals } = f;
  const first = part(ETHERNET.at(packet).destination, 0, 2);
  const unverified = a.newLabel('checksum.unverified');
  const known = a.newLabel('checksum.known');
  a.load(r1, first).store(locals.before, r1);
  a.mov(r1, ctx).mov(r2, BPF_CSUM_LEVEL_QUERY).call('csum_level');
  a.store(locals.checksum, ARRIVAL_CHECKSUMS.right).jumpIf(r0, 's>=', 0, known);
  a.mov(r1, ctx).mov(r2, 0).mov(r3, 0).mov(r4, 1).mov(r5, 2).call('l4_csum_replace');
  a.jumpIf(r0, '!=', 0, otherwise);
  a.load(packet, SK_BUFF.at(ctx).data).load(r3, SK_BUFF.at(ctx).dataEnd);
  a.needBytes(packet, ETHERNET.size, r3, r1, otherwise);
  a.load(r1, first).load(r2, locals.before).jumpIf(r1, '!=', r2, unverified);
  // it might also be the one of a packet inside
  pseudoSum(a, f, version);
  a.store(locals.before, r1).load(r2, locals.transport).load(r3, locals.checksumAt).add(r2, r3);
  peek(a, locals.peek, 2, otherwise);
  a.load(r1, locals.peek).load(r2, locals.before).jumpIf(r1, '!=', r2, otherwise);
  a.store(locals.checksum, ARRIVAL_CHECKSUMS.partial).jump(known);
  a.label(unverified).store(locals.checksum, ARRIVAL_CHECKSUMS.unverified);
  a.label(known);
}

/** The sum of the packet's pseudo header, to r1, words as they are loaded, folded to 16 bits. */
function pseudoSum(a: Assembler, { ip4, ip6, locals }: Frame, version: 4 | 6): void {
  // bytes from the Ethernet header on
  if (version === 4) a.load(r1, ip4.totalLength).toBigEndian(r1, 16).add(r1, ETH_HLEN);
  else
    a.load(r1, ip6.payloadLength)
      .toBigEndian(r1, 16)
      .add(r1, ETH_HLEN + IPV6.size);
  a.load(r2, locals.transport).sub(r1, r2).toBigEndian(r1, 16);
  a.mov(r2, protocol).lsh(r2, 8).add(r1, r2);
  for (const address of version === 4 ? [ip4.source, ip4.destination] : [ip6.source, ip6.destination]) {
    for (let at = 0; at < address.size; at += 4) a.load(r2, part(address, at, 4)).add(r1, r2);
  }
  a.mov(r2, r1).rsh(r2, 32).mov32(r1, r1).add(r1, r2);
  fold(a, r1, r2, 3);
}

/** Copies the packet into the ring buffer, and is done with it. */
function copy(a: Assembler, locals: Frame['locals']): void {
  const { sleeping } = ARRIVAL_STATE.at(r0);
  // who sleeps is woken by the device, which costs less than to be woken by the ring buffer: that takes an interrupt
  a.label(COPY).store(locals.state, 0);
  lookUp(a, locals.state, 'arrivalState', DETOUR_WAY);
  a.load(r1, sleeping).jumpIf(r1, '==', 0, 'awake').store(sleeping, 0).jump(DETOUR_WAY);
  a.label('awake').load(length, locals.length).jumpIf(length, '==', 0, DETOUR_WAY);
  for (const room of ARRIVAL_ROOMS) {
    const longer = a.newLabel('longer');
    a.jumpIf(length, '>', room, longer);
    a.movMap(r1, 'arrivals')
      .mov(r2, ARRIVAL.size + room)
      .mov(r3, 0)
      .call('ringbuf_reserve');
    a.jumpIf(r0, '==', 0, DETOUR_WAY).mov(entry, r0);
    a.mov(r1, ctx).mov(r2, ETH_HLEN).mov(r3, entry).add(r3, ARRIVAL.size).mov(r4, length);
    a.call('skb_load_bytes').jumpIf(r0, '==', 0, 'copied').jump('unread').label(longer);
  }
  a.jump(DETOUR_WAY);
  a.label('unread').mov(r1, entry).mov(r2, BPF_RB_NO_WAKEUP).call('ringbuf_discard').jump(DETOUR_WAY);
  a.label('copied');
  const arrival = ARRIVAL.at(entry);
  a.store(arrival.length, length);
  a.load(r1, locals.transport).sub(r1, ETH_HLEN).store(arrival.transport, r1);
  a.load(r1, locals.checksumAt).store(arrival.checksumAt, r1);
  a.load(r1, locals.checksum).store(arrival.checksum, r1);
  // has it gone to sleep meanwhile? It says so before it looks for packets; the addition of nothing keeps what is written before this from being seen after it
  a.store(locals.state, 0);
  lookUp(a, locals.state, 'arrivalState', 'quiet');
  a.mov(r1, 0).atomicAdd(sleeping, r1).load(r1, sleeping);
  a.jumpIf(r1, '==', 0, 'quiet').store(sleeping, 0).mov(r2, BPF_RB_FORCE_WAKEUP).jump('submit');
  a.label('quiet').mov(r2, BPF_RB_NO_WAKEUP);
  a.label('submit').mov(r1, entry).call('ringbuf_submit');
  a.mov(r0, TC_ACT_SHOT).exit();
}
