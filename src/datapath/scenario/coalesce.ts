/** Where the kernel puts the fragments of a packet for itself. */
import { ipv4HeaderLength } from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';

/** Sizes that memory comes in, and what `struct skb_shared_info` takes of it at the end. */
const KMALLOC = [512, 1024, 2048, 4096];
const SHARED_INFO = 320;
/** What is asked for before the IP header: room for a header of the link (`LL_RESERVED_SPACE`) and the Ethernet header, which goes into that room. */
const LINK_ROOM = 16;
const ETH_HEADER = 14;
const CACHE_LINE = 64;

/** Bytes left behind a packet of that length in its buffer. */
function tailroom(length: number): number {
  const used = LINK_ROOM + length;
  const needed = Math.ceil((used + ETH_HEADER) / CACHE_LINE) * CACHE_LINE + SHARED_INFO;
  return (KMALLOC.find((size) => size >= needed) ?? needed) - SHARED_INFO - used;
}

/**
 * A datagram that was reassembled for this host lies in the buffer of its first fragment, as far as that has room (`skb_try_coalesce`): there
 * it can be cut no more where it was.
 */
export function coalesce(p: Packet): void {
  const sizes = p.fragSizes;
  if (sizes === undefined) return;
  let first = sizes[0]!;
  let room = tailroom(ipv4HeaderLength(p.view, p.data) + first);
  let merged = 1;
  for (; merged < sizes.length && sizes[merged]! <= room; merged++) {
    room -= sizes[merged]!;
    first += sizes[merged]!;
  }
  if (merged === 1) return;
  p.fragSizes = merged === sizes.length ? undefined : sizes.slice(merged - 1);
  if (p.fragSizes !== undefined) p.fragSizes[0] = first;
}
