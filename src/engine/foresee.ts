/**
 * Looking ahead. A packet whose connection is in no cache waits for memory twice, for its bucket and then for its connection, which is nearly
 * all of its time with a million connections. For some packets at once these waits can be had together: the processor asks for the
 * next line while it waits for the last one.
 */
import { IPV4_MIN } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import * as layout from './conn-layout.js';
import type { ConnTable } from './conn-table.js';

// see conn-layout.ts
const { C_CADDR, C_DADDR, HOT_SHIFT } = layout;

/** Packets that are looked at together, at most. */
export const FORESEEN_MAX = 32;

/** A packet's hash, and then the place of its connection. Kept between calls so that none allocates. */
const state = new Int32Array(FORESEEN_MAX);
const saddr = new Int32Array(4);
const daddr = new Int32Array(4);

/**
 * Brings what the first `n` packets will look up into the caches, and changes nothing. Packets without ports, and fragments, are looked for in
 * vain, which costs them little.
 * @param packets with their IP headers at `data`.
 * @param n at most {@link FORESEEN_MAX}.
 * @returns a number without meaning: the loads that it is made of must not be left out.
 */
export function foresee(conns: ConnTable, packets: readonly Packet[], n: number): number {
  let sum = 0;
  // one loop for each wait: within a loop no load needs the one before
  for (let i = 0; i < n; i++) {
    const hash = hashOf(conns, packets[i]!);
    state[i] = hash;
    sum = (sum + conns.peekBucket(hash)) | 0;
  }
  for (let i = 0; i < n; i++) state[i] = conns.peekSlots(state[i]!);
  for (let i = 0; i < n; i++) sum = (sum + conns.hot[state[i]! << HOT_SHIFT]!) | 0;
  // the rest of IPv6 addresses lies elsewhere
  for (let i = 0; i < n; i++) {
    const c = state[i]!;
    if (isIpv6(packets[i]!)) sum = (sum + conns.addrWord(c, C_CADDR, 1) + conns.addrWord(c, C_DADDR, 3)) | 0;
  }
  return sum;
}

function isIpv6({ view, data, len }: Packet): boolean {
  return len >= IPV6_HEADER + 4 && view.getUint8(data) >>> 4 === 6;
}

function hashOf(conns: ConnTable, packet: Packet): number {
  const { view, data, len } = packet;
  if (isIpv6(packet)) {
    for (let i = 0; i < 4; i++) {
      saddr[i] = view.getInt32(data + 8 + 4 * i);
      daddr[i] = view.getInt32(data + 24 + 4 * i);
    }
    return conns.hash6(view.getUint8(data + 6), saddr, daddr, view.getInt32(data + IPV6_HEADER));
  }
  if (len < IPV4_MIN + 4) return 0;
  const ports = view.getInt32(data + IPV4_MIN);
  return conns.hash4(view.getUint8(data + 9), view.getInt32(data + 12), view.getInt32(data + 16), ports);
}
