/** The headers of a packet from the outermost IP header to the transport header, through IPIP, GRE and GUE tunnels. */

import { greHeaderLength } from './gre.js';
import { GUE_HEADER, gueHeaderLength, gueProtocol } from './gue.js';
import { IPV4_MIN, ipv4HeaderLength, ipv4IsFragment, ipv4Protocol, ipv4Version } from './ipv4.js';
import { IPV6_HEADER, type Ipv6Walk, ipv6Version, ipv6Walk } from './ipv6.js';
import { CHECKSUM_PARTIAL, type Packet } from './packet.js';
import { UDP_HEADER } from './udp.js';

/** Kinds of layers before the transport header. `LAYER_GUE` begins with its UDP header. */
export const LAYER_IPV4 = 1;
export const LAYER_IPV6 = 2;
export const LAYER_GRE = 3;
export const LAYER_GUE = 4;

const IPPROTO_IPIP = 4;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPPROTO_GRE = 47;
/** More headers than any tunnel that this program builds. */
const MAX_LAYERS = 8;

/** Filled by {@link findTransport}; one instance is reused. Offsets count from the packet's `data`. */
export class HeaderStack {
  /** Layers found, the outermost first. */
  count = 0;
  readonly kind = new Uint8Array(MAX_LAYERS);
  readonly at = new Int32Array(MAX_LAYERS);
  /** Offset of the transport header. */
  transport = 0;

  /** Adds a layer; false when there are too many. */
  push(kind: number, at: number): boolean {
    if (this.count === MAX_LAYERS) return false;
    this.kind[this.count] = kind;
    this.at[this.count++] = at;
    return true;
  }
}

const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };

/**
 * Finds the transport header of `protocol`: the one at `csumStart` when the checksum is partial, or else the first one.
 * @returns false when there is none, or a header leaves the packet, or the packet is a fragment.
 */
export function findTransport(p: Packet, protocol: number, stack: HeaderStack): boolean {
  const v = p.view;
  stack.count = 0;
  for (let at = 0; ; ) {
    const ip = p.data + at;
    let next: number;
    if (at + IPV4_MIN <= p.len && ipv4Version(v, ip) === 4) {
      if (!stack.push(LAYER_IPV4, at) || ipv4IsFragment(v, ip)) return false;
      next = ipv4Protocol(v, ip);
      at += Math.max(ipv4HeaderLength(v, ip), IPV4_MIN);
    } else if (at + IPV6_HEADER <= p.len && ipv6Version(v, ip) === 6) {
      if (!stack.push(LAYER_IPV6, at) || !ipv6Walk(v, ip, p.data + p.len, walk) || walk.fragment !== 0)
        return false;
      next = walk.protocol;
      at += walk.offset;
    } else return false;
    if (at > p.len) return false;
    if (next === protocol && (p.ipSummed !== CHECKSUM_PARTIAL || p.csumStart === at)) {
      stack.transport = at;
      return true;
    }
    if (next === IPPROTO_GRE) {
      if (at + 4 > p.len || !stack.push(LAYER_GRE, at)) return false;
      at += greHeaderLength(v, p.data + at);
    } else if (next === IPPROTO_UDP) {
      if (at + UDP_HEADER + GUE_HEADER > p.len || !stack.push(LAYER_GUE, at)) return false;
      at += UDP_HEADER;
      next = gueProtocol(v, p.data + at);
      at += gueHeaderLength(v, p.data + at);
    }
    if (next !== IPPROTO_IPIP && next !== IPPROTO_IPV6 && next !== IPPROTO_GRE) return false;
  }
}
