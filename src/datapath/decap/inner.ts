/** Taking packets out of tunnels: IPIP (RFC 2003, RFC 4213), GRE (RFC 2784) and GUE (draft-ietf-intarea-gue). */
import { checksumFold, checksumUpdate, delta16, pseudoSum4, pseudoSum6 } from '../../wire/checksum.js';
import {
  ETH_P_IP,
  ETH_P_IPV6,
  GRE_HEADER,
  GRE_UNKNOWN,
  greFlags,
  greHeaderLength,
  greProtocol,
} from '../../wire/gre.js';
import {
  GUE_FLAG_PRIV,
  GUE_HEADER,
  GUE_PFLAG_REMCSUM,
  GUE_REMCSUM_OPTIONS,
  gueFlags,
  gueHeaderLength,
  gueIsControl,
  gueProtocol,
  gueVersion,
} from '../../wire/gue.js';
import { IPV4_MIN, ipv4HeaderLength, ipv4Protocol, ipv4TotalLength, ipv4Version } from '../../wire/ipv4.js';
import { IPV6_HEADER, ipv6NextHeader, ipv6PayloadLength } from '../../wire/ipv6.js';
import { CHECKSUM_PARTIAL, type Packet } from '../../wire/packet.js';
import { TCP_CHECKSUM, TCP_MIN } from '../../wire/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';

export const IPPROTO_IPIP = 4;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_GRE = 47;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const ECN_MASK = 3;
const ECN_CE = 3;

/** Removes `n` bytes in front. */
function pull(p: Packet, n: number): boolean {
  if (n > p.len) return false;
  p.data += n;
  p.len -= n;
  return true;
}

/** Removes the outer IPv4 header. @returns the congestion mark it carried, or -1 when it is no header. */
export function pullIpv4(p: Packet): number {
  if (p.len < IPV4_MIN || ipv4Version(p.view, p.data) !== 4) return -1;
  const ecn = p.view.getUint8(p.data + 1) & ECN_MASK;
  const length = ipv4HeaderLength(p.view, p.data);
  return length >= IPV4_MIN && pull(p, length) ? ecn : -1;
}

/** Removes a GRE header. @returns false when it is none that we can do without knowing more, or carries something else than IP. */
export function pullGre(p: Packet): boolean {
  if (p.len < GRE_HEADER) return false;
  const protocol = greProtocol(p.view, p.data);
  if ((greFlags(p.view, p.data) & GRE_UNKNOWN) !== 0) return false;
  return (protocol === ETH_P_IP || protocol === ETH_P_IPV6) && pull(p, greHeaderLength(p.view, p.data));
}

/**
 * Removes a GUE header. A checksum that was left to the far end (remote checksum offload) becomes one that is still to be completed.
 * @returns false for control messages, unknown flags and payloads that are not IP.
 */
export function pullGue(p: Packet): boolean {
  const v = p.view;
  if (p.len < GUE_HEADER || gueVersion(v, p.data) !== 0 || gueIsControl(v, p.data)) return false;
  const flags = gueFlags(v, p.data);
  const protocol = gueProtocol(v, p.data);
  const length = gueHeaderLength(v, p.data);
  if ((protocol !== IPPROTO_IPIP && protocol !== IPPROTO_IPV6) || (flags & ~GUE_FLAG_PRIV) !== 0)
    return false;
  const options = p.data + GUE_HEADER;
  if (!pull(p, length)) return false;
  if (flags === 0) return true;
  if (length < GUE_HEADER + GUE_REMCSUM_OPTIONS || v.getUint32(options) !== GUE_PFLAG_REMCSUM) return false;
  const start = v.getUint16(options + 4);
  const field = v.getUint16(options + 6);
  if (field < start || field + 2 > p.len) return false;
  p.ipSummed = CHECKSUM_PARTIAL;
  p.csumStart = start;
  p.csumOffset = field - start;
  return true;
}

/**
 * Looks at the packet that was inside: trims it to its length and takes congestion over from outside (RFC 6040 4.2).
 * @param ecn mark of the outer header; 0 where it is not known.
 * @returns false when it is no IP packet, or congestion met a packet that cannot carry the mark and must be dropped.
 */
export function acceptInner(p: Packet, ecn: number): boolean {
  const v = p.view;
  if (p.len < IPV4_MIN) return false;
  const v4 = ipv4Version(v, p.data) === 4;
  if (v4) {
    const header = ipv4HeaderLength(v, p.data);
    const total = ipv4TotalLength(v, p.data);
    if (header < IPV4_MIN || total < header || total > p.len) return false;
    p.len = total;
  } else {
    if (p.len < IPV6_HEADER || ipv4Version(v, p.data) !== 6) return false;
    const total = IPV6_HEADER + ipv6PayloadLength(v, p.data);
    if (total > p.len) return false;
    p.len = total;
  }
  noticePartial(p, v4);
  return ecn !== ECN_CE || markCongestion(p, v4);
}

function markCongestion(p: Packet, v4: boolean): boolean {
  const v = p.view;
  const at = p.data;
  if (!v4) {
    const word = v.getUint16(at);
    if ((word & (ECN_MASK << 4)) === 0) return false;
    v.setUint16(at, word | (ECN_CE << 4));
    return true;
  }
  const word = v.getUint16(at);
  if ((word & ECN_MASK) === 0) return false;
  v.setUint16(at, word | ECN_CE);
  v.setUint16(at + 10, checksumUpdate(v.getUint16(at + 10), delta16(word, word | ECN_CE)));
  return true;
}

/**
 * The kernel may have joined many TCP segments to one (GRO), tunnel headers and all. It then leaves the sum of the pseudo header in place of
 * the checksum, which it has verified: that is what a partial checksum is. So does a sender on the same machine, from which packets come without
 * ever having been on a wire.
 */
function noticePartial(p: Packet, v4: boolean): void {
  if (p.ipSummed === CHECKSUM_PARTIAL) return;
  const v = p.view;
  const start = v4 ? ipv4HeaderLength(v, p.data) : IPV6_HEADER;
  const protocol = v4 ? ipv4Protocol(v, p.data) : ipv6NextHeader(v, p.data);
  const tcp = protocol === IPPROTO_TCP;
  if ((!tcp && protocol !== IPPROTO_UDP) || start + (tcp ? TCP_MIN : UDP_HEADER) > p.len) return;
  const sum = (v4 ? pseudoSum4 : pseudoSum6)(v, p.data, protocol, p.len - start);
  const offset = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  if (v.getUint16(p.data + start + offset) !== checksumFold(sum)) return;
  p.ipSummed = CHECKSUM_PARTIAL;
  p.csumStart = start;
  p.csumOffset = offset;
}
