/** Packets of the engine's own class, for tests. */
import { CHECKSUM_PARTIAL, Packet } from '../../src/wire/packet.js';
import { csum, pseudo } from './packets.js';

/** A packet with `bytes` in it, just come in. */
export function packetOf(bytes: Uint8Array): Packet {
  const p = new Packet();
  p.load(bytes);
  return p;
}

/**
 * Makes the checksum of a TCP or UDP packet partial, as a sender with checksum offload leaves it: the field holds the sum of the pseudo header.
 * @param start offset of the transport header.
 * @param offset of the checksum field from there: 16 for TCP, 6 for UDP.
 */
export function makePartial(
  p: Packet,
  src: string,
  dst: string,
  protocol: number,
  start: number,
  offset: number,
): Packet {
  p.ipSummed = CHECKSUM_PARTIAL;
  p.csumStart = start;
  p.csumOffset = offset;
  p.view.setUint16(p.data + start + offset, ~csum(pseudo(src, dst, protocol, p.len - start)) & 0xffff);
  return p;
}
