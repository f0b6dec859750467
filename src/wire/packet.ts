/** A packet on its way through the director: what `struct sk_buff` is to the kernel. */

/** The transport checksum is in the packet, unverified (`CHECKSUM_NONE`). */
export const CHECKSUM_NONE = 0;
/** Somebody trustworthy has verified the transport checksum (`CHECKSUM_UNNECESSARY`). */
export const CHECKSUM_UNNECESSARY = 1;
/**
 * The transport checksum is still to be completed (`CHECKSUM_PARTIAL`): the field holds the uncomplemented sum of
 * the pseudo header, and whoever transmits the packet adds the rest, from `csumStart`, into `csumStart + csumOffset`.
 */
export const CHECKSUM_PARTIAL = 3;

/** Bytes kept free before a packet, for tunnel headers and, below them, a virtio-net or Ethernet header. */
export const HEADROOM = 128;

/**
 * A buffer with one IP packet in it. One instance is used again and again: nothing on the packet path allocates.
 * All offsets are indices into `bytes`; the network header is at `data`, and `len` bytes belong to the packet.
 */
export class Packet {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where `bytes` lie, for whoever calls the system with it; 0 while nobody has asked. They never move. */
  address = 0;
  /** Offset of the network header. */
  data = HEADROOM;
  /** Bytes from the network header to the packet's end. */
  len = 0;
  /** Firewall mark (`skb->mark`). */
  mark = 0;
  /** `CHECKSUM_NONE`, `CHECKSUM_UNNECESSARY` or `CHECKSUM_PARTIAL`. */
  ipSummed = CHECKSUM_NONE;
  /** With `CHECKSUM_PARTIAL`: where summing starts, relative to `data`. */
  csumStart = 0;
  /** With `CHECKSUM_PARTIAL`: offset of the checksum field from `csumStart`. */
  csumOffset = 0;
  /** Payload bytes of each segment when this is many TCP segments in one (0: an ordinary packet). */
  gsoSize = 0;
  /** Largest fragment (bytes, IP header included) this packet was reassembled from; 0 when it never was one. */
  fragMaxSize = 0;
  /** It was reassembled from fragments whose largest had DF (`IPSKB_FRAG_PMTU`): their sender looks for the path MTU. */
  fragDf = false;
  /** Payload bytes of each fragment that this packet was reassembled from, in order; undefined when it never was one. */
  fragSizes: Uint16Array | undefined = undefined;
  /** Interface it came in by; 0 when it was made on this host. */
  ifindex = 0;
  /** IPVS has handled it and must not look at it again (`skb->ipvs_property`). */
  ipvsProperty = false;
  /** May be cut in fragments although it carries DF (`skb->ignore_df`). */
  ignoreDf = false;

  /** @param size capacity in bytes, headroom included. */
  constructor(size = 65_536 + HEADROOM) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes this an ordinary packet of `len` bytes at `data`, all metadata as for one that just came in. */
  reset(data: number, len: number): void {
    this.data = data;
    this.len = len;
    this.mark = 0;
    this.ipSummed = CHECKSUM_NONE;
    this.csumStart = 0;
    this.csumOffset = 0;
    this.gsoSize = 0;
    this.fragMaxSize = 0;
    this.fragDf = false;
    this.fragSizes = undefined;
    this.ifindex = 0;
    this.ipvsProperty = false;
    this.ignoreDf = false;
  }

  /** Takes a copy of `source` as its content, with fresh metadata. */
  load(source: Uint8Array): void {
    this.bytes.set(source, HEADROOM);
    this.reset(HEADROOM, source.length);
  }

  /** The packet's bytes; a view, not a copy. */
  payload(): Uint8Array {
    return this.bytes.subarray(this.data, this.data + this.len);
  }

  /** Bytes from the network header that lie in one piece (`skb_headlen`): all, or those of the first of the fragments. */
  get headLength(): number {
    let length = this.len;
    if (this.fragSizes !== undefined)
      for (let i = 1; i < this.fragSizes.length; i++) length -= this.fragSizes[i]!;
    return length;
  }

  /**
   * Brings the first `n` bytes into one piece (`pskb_may_pull`), as headers have to be that are to be written: of fragments that a packet was
   * reassembled from, the first one grows at the cost of those behind it.
   */
  pull(n: number): void {
    const sizes = this.fragSizes;
    const moved = n - this.headLength;
    if (sizes === undefined || moved <= 0) return;
    let missing = moved;
    let eaten = 1;
    for (; eaten < sizes.length && sizes[eaten]! <= missing; eaten++) missing -= sizes[eaten]!;
    // of one piece nobody knows what it was made of
    if (eaten === sizes.length) {
      this.fragSizes = undefined;
      return;
    }
    const pieces = sizes.slice(eaten - 1);
    pieces[0] = sizes[0]! + moved;
    pieces[1]! -= missing;
    this.fragSizes = pieces;
  }

  /** Makes room for `n` bytes in front (`skb_push`); `csumStart` keeps pointing at the same byte. */
  push(n: number): void {
    this.data -= n;
    this.len += n;
    this.csumStart += n;
  }
}
