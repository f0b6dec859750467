/** Ethernet frames around the packets of a scenario. */
import { isChatter } from '../../../src/datapath/scenario/chatter.js';
import { checksumFold, pseudoSum4, pseudoSum6 } from '../../../src/wire/checksum.js';
import { ipv4HeaderLength } from '../../../src/wire/ipv4.js';
import { IPV6_HEADER } from '../../../src/wire/ipv6.js';
import type { PartialChecksum } from './link.js';

const ETH_HEADER = 14;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** Offset of the checksum field, by transport protocol. */
const CHECKSUM_FIELD: Record<number, number> = { 6: 16, 17: 6, 58: 2 };

/** The frame that carries `packet` from MAC address `source` to the director's address `director` (hex digits). */
export function toFrame(packet: Uint8Array, source: string, director: string): Uint8Array {
  const six = isV6(packet);
  const frame = new Uint8Array(ETH_HEADER + packet.length);
  frame.set(Buffer.from((multicastMac(packet) ?? director) + source, 'hex'));
  new DataView(frame.buffer).setUint16(12, six ? ETH_P_IPV6 : ETH_P_IP);
  frame.set(packet, ETH_HEADER);
  return frame;
}

/** The IP packet in a frame that the director sent; undefined for what hosts say without being asked. */
export function fromFrame(frame: Uint8Array): { destination: string; packet: Uint8Array } | undefined {
  const type = new DataView(frame.buffer, frame.byteOffset).getUint16(12);
  const packet = frame.subarray(ETH_HEADER);
  if ((type !== ETH_P_IPV6 && type !== ETH_P_IP) || isChatter(packet)) return undefined;
  return { destination: Buffer.from(frame.subarray(0, 6)).toString('hex'), packet };
}

/**
 * Puts the sum of the pseudo header into the checksum field of the packet in `frame`, which is what a sender leaves there who
 * lets its network card do the rest. @returns where that rest is to be added.
 */
export function leavePartialChecksum(frame: Uint8Array): PartialChecksum {
  const view = new DataView(frame.buffer, frame.byteOffset + ETH_HEADER);
  const six = isV6(frame.subarray(ETH_HEADER));
  const header = six ? IPV6_HEADER : ipv4HeaderLength(view, 0);
  const protocol = view.getUint8(six ? 6 : 9);
  const field = CHECKSUM_FIELD[protocol];
  if (field === undefined) throw new Error(`no checksum to offload in protocol ${protocol}`);
  const length = view.byteLength - header;
  const sum = six ? pseudoSum6(view, 0, protocol, length) : pseudoSum4(view, 0, protocol, length);
  view.setUint16(header + field, checksumFold(sum));
  return { start: ETH_HEADER + header, field };
}

function isV6(packet: Uint8Array): boolean {
  return packet[0] !== undefined && packet[0] >>> 4 === 6;
}

/** RFC 1112 6.4 and RFC 2464 7. */
function multicastMac(packet: Uint8Array): string | undefined {
  const hex = (from: number, to: number) => Buffer.from(packet.subarray(from, to)).toString('hex');
  if (isV6(packet)) return packet.length >= 40 && packet[24] === 255 ? `3333${hex(36, 40)}` : undefined;
  if (packet.length < 20 || packet[16]! >>> 4 !== 14) return undefined;
  return `01005e${((packet[17]! & 0x7f) | 0x100).toString(16).slice(1)}${hex(18, 20)}`;
}
