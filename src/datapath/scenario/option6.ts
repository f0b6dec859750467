/** Options in IPv6 extension headers, one by one (RFC 8200 4.2). */
import { AF_INET6, inetFromBytes } from '../../wire/inet.js';
import { IPV6_DESTINATION, IPV6_HEADER, ipv6PayloadLength } from '../../wire/ipv6.js';
import type { Packet } from '../../wire/packet.js';
import { icmpError } from './local-icmp.js';
import type { Arrival, SimHost } from './sim-host.js';

const ICMPV6_PARAMPROB = 4;
/** In hop-by-hop headers: RFC 2711, RFC 5570, RFC 9486, RFC 2675. */
const ROUTER_ALERT = 5;
const CALIPSO = 7;
const IOAM = 0x31;
const JUMBO = 0xc2;
/** In destination options headers: RFC 6275. */
const HOME_ADDRESS = 0xc9;
/** A longer payload needs the jumbo option. */
const MAX_PAYLOAD = 0xffff;

/** Reports a fault at offset `pointer` from the IPv6 header. */
export function parameterProblem(
  host: SimHost,
  p: Packet,
  code: number,
  pointer: number,
  arrival: Arrival,
): void {
  icmpError(host, p, ICMPV6_PARAMPROB, code, pointer, arrival);
}

/**
 * An option that is no padding; it lies within its header. This host has no labels, no mobile nodes, and reads no telemetry.
 * @param at its offset from the IPv6 header. @param hop it is in a hop-by-hop header.
 * @returns false when the packet is to be dropped; an error has been sent if one was due.
 */
export function readOption6(host: SimHost, p: Packet, at: number, hop: boolean, arrival: Arrival): boolean {
  const type = p.view.getUint8(p.data + at);
  if (!hop) return type !== HOME_ADDRESS && skipUnknown(host, p, type, at, arrival);
  switch (type) {
    case ROUTER_ALERT:
      return p.view.getUint8(p.data + at + 1) === 2;
    case CALIPSO:
      return false;
    case IOAM:
      return (at & 3) === 0;
    case JUMBO:
      return readJumbo(host, p, at, arrival);
    default:
      return skipUnknown(host, p, type, at, arrival);
  }
}

/** `ipv6_hop_jumbo`. */
function readJumbo(host: SimHost, p: Packet, at: number, arrival: Arrival): boolean {
  if (p.view.getUint8(p.data + at + 1) !== 4 || (at & 3) !== 2) return false;
  const length = p.view.getUint32(p.data + at + 2);
  if (length <= MAX_PAYLOAD) parameterProblem(host, p, 0, at + 2, arrival);
  else if (ipv6PayloadLength(p.view, p.data) !== 0) parameterProblem(host, p, 0, at, arrival);
  else return length <= p.len - IPV6_HEADER;
  return false;
}

/** The upper two bits of an unknown option's type say what to do. */
function skipUnknown(host: SimHost, p: Packet, type: number, at: number, arrival: Arrival): boolean {
  const action = type >>> 6;
  if (action === 0) return true;
  const multicast = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION).words[0]! >>> 24 === 255;
  if (action === 2 || (action === 3 && !multicast)) parameterProblem(host, p, 2, at, arrival);
  return false;
}
