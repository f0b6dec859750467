/** IPv6 header and its extension headers, RFC 8200. */

/** Length of the fixed header, bytes. */
export const IPV6_HEADER = 40;
/** Length of the fragment header, bytes. */
export const IPV6_FRAGMENT_HEADER = 8;
/** No link has a smaller MTU (RFC 8200 5). */
export const IPV6_MIN_MTU = 1280;
export const NEXTHDR_HOP = 0;
export const NEXTHDR_ROUTING = 43;
export const NEXTHDR_FRAGMENT = 44;
export const NEXTHDR_AUTH = 51;
export const NEXTHDR_NONE = 59;
export const NEXTHDR_DEST = 60;

export const ipv6Version = (v: DataView, o: number): number => v.getUint8(o) >>> 4;
export const ipv6TrafficClass = (v: DataView, o: number): number => (v.getUint16(o) >>> 4) & 255;
/** Bytes after the fixed header. */
export const ipv6PayloadLength = (v: DataView, o: number): number => v.getUint16(o + 4);
export const ipv6NextHeader = (v: DataView, o: number): number => v.getUint8(o + 6);
export const ipv6HopLimit = (v: DataView, o: number): number => v.getUint8(o + 7);
/** Offset of the source address from the header. */
export const IPV6_SOURCE = 8;
/** Offset of the destination address from the header. */
export const IPV6_DESTINATION = 24;

/** Where a walk over the extension headers ended. */
export interface Ipv6Walk {
  /** Protocol of the upper layer, or `NEXTHDR_NONE`. */
  protocol: number;
  /** Offset of the upper layer's header from the IPv6 header. */
  offset: number;
  /** Offset of the last fragment header from the IPv6 header, or 0. */
  fragment: number;
  /** Fragment offset in bytes; the upper layer's header is missing when it is not 0. */
  fragoffs: number;
}

const isExtension = (next: number): boolean =>
  next === NEXTHDR_HOP ||
  next === NEXTHDR_ROUTING ||
  next === NEXTHDR_DEST ||
  next === NEXTHDR_FRAGMENT ||
  next === NEXTHDR_AUTH;

/** Length of an extension header of which two bytes are there; a fragment header always has eight. */
function extensionLength(v: DataView, at: number, kind: number): number {
  if (kind === NEXTHDR_FRAGMENT) return IPV6_FRAGMENT_HEADER;
  const units = v.getUint8(at + 1);
  return kind === NEXTHDR_AUTH ? (units + 2) << 2 : (units + 1) << 3;
}

/**
 * Walks the extension headers, as `ipv6_find_hdr` does with no target: hop-by-hop, routing, destination, authentication
 * and fragment headers are passed. The last of them may say that it ends behind the packet. A later fragment ends the walk: what follows
 * its header is no upper layer's header, and `walk.offset` is 0.
 * @param end first offset in the view that is no longer the packet's.
 * @returns false when the chain leaves the packet, or goes on in a later fragment; `walk` is then not to be used.
 */
export function ipv6Walk(v: DataView, o: number, end: number, walk: Ipv6Walk): boolean {
  let next = v.getUint8(o + 6);
  let at = o + IPV6_HEADER;
  walk.fragment = 0;
  walk.fragoffs = 0;
  while (isExtension(next)) {
    if (at + (next === NEXTHDR_FRAGMENT ? 4 : 2) > end) return false;
    const kind = next;
    next = v.getUint8(at);
    if (kind === NEXTHDR_FRAGMENT) {
      walk.fragment = at - o;
      walk.fragoffs = v.getUint16(at + 2) & 0xfff8;
      if (walk.fragoffs !== 0) {
        walk.protocol = next;
        walk.offset = 0;
        return !isExtension(next);
      }
    }
    at += extensionLength(v, at, kind);
  }
  walk.protocol = next;
  walk.offset = at - o;
  return true;
}

/**
 * Walks the extension headers, as `ipv6_skip_exthdr` does: up to the upper layer, or to the header of a later fragment, which is then the
 * `protocol`. The last of them may say that it ends behind the packet.
 * @param at where the first of them is. @param kind what it is. @param end first offset in the view that is no longer the packet's.
 * @returns false when the chain leaves the packet or ends in `NEXTHDR_NONE`; `walk` is then not to be used.
 */
export function ipv6SkipExtensions(
  v: DataView,
  o: number,
  at: number,
  kind: number,
  end: number,
  walk: Ipv6Walk,
): boolean {
  let next = kind;
  let from = at;
  walk.fragment = 0;
  walk.fragoffs = 0;
  while (isExtension(next)) {
    if (from + (next === NEXTHDR_FRAGMENT ? 4 : 2) > end) return false;
    if (next === NEXTHDR_FRAGMENT) {
      walk.fragment = from - o;
      walk.fragoffs = v.getUint16(from + 2) & 0xfff8;
      if (walk.fragoffs !== 0) break;
    }
    const length = extensionLength(v, from, next);
    next = v.getUint8(from);
    from += length;
  }
  walk.protocol = next;
  walk.offset = from - o;
  return next !== NEXTHDR_NONE;
}

/** A place between two headers of a chain. Offsets in the view. */
export interface Ipv6Joint {
  /** The next-header byte that names what follows. */
  nexthdr: number;
  /** What follows. */
  at: number;
}

/**
 * Looks for the fragment header, past hop-by-hop, routing, destination and authentication headers (`find_prev_fhdr`).
 * @param end first offset in the view that is no longer the packet's.
 * @returns true when there is one, of which bytes may be missing; `joint` is then where it begins.
 */
export function ipv6FindFragment(v: DataView, o: number, end: number, joint: Ipv6Joint): boolean {
  let nexthdr = o + 6;
  let at = o + IPV6_HEADER;
  while (at <= end) {
    const next = v.getUint8(nexthdr);
    if (next === NEXTHDR_FRAGMENT) {
      joint.nexthdr = nexthdr;
      joint.at = at;
      return true;
    }
    if (next !== NEXTHDR_HOP && next !== NEXTHDR_ROUTING && next !== NEXTHDR_DEST && next !== NEXTHDR_AUTH)
      return false;
    if (at + 2 > end) return false;
    nexthdr = at;
    at += next === NEXTHDR_AUTH ? (v.getUint8(at + 1) + 2) << 2 : (v.getUint8(at + 1) + 1) << 3;
  }
  return false;
}

/**
 * Finds where a fragment header is to go (`ip6_find_1stfragopt`): behind the headers that every router reads.
 * @param end first offset in the view that is no longer the packet's.
 * @returns false when the chain leaves the packet.
 */
export function ipv6FindUnfragmentable(v: DataView, o: number, end: number, joint: Ipv6Joint): boolean {
  let routing = false;
  joint.nexthdr = o + 6;
  joint.at = o + IPV6_HEADER;
  while (joint.at <= end) {
    const next = v.getUint8(joint.nexthdr);
    if (next === NEXTHDR_ROUTING) routing = true;
    else if (next !== NEXTHDR_HOP && (next !== NEXTHDR_DEST || routing)) return true;
    if (joint.at + 8 > end) return false;
    joint.nexthdr = joint.at;
    joint.at += (v.getUint8(joint.at + 1) + 1) << 3;
  }
  return false;
}
