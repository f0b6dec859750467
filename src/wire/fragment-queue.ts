/** The fragments of one datagram that have come so far (`struct inet_frag_queue`). */

/** What {@link FragmentQueue.add} made of a fragment. */
export type FragmentVerdict =
  /** It is part of the datagram. */
  | 'kept'
  /** Its bytes are there already. */
  | 'duplicate'
  /** It has no bytes, or contradicts what is known of the datagram's length. */
  | 'conflict'
  /** Some of its bytes are there already: an attack (RFC 1858, RFC 5722). */
  | 'overlap';

/** Fragments that came one after the other, without a gap. */
interface Run {
  readonly offset: number;
  end: number;
  readonly parts: Uint8Array[];
}

/** ECN fields of the fragments (bit 0: Not-ECT, 1: ECT(1), 2: ECT(0), 3: CE): with CE one, all count as CE. */
const ECN_CE = 8;
const ECN_NOT_ECT = 1;

/** Bytes counted for each fragment besides its own: tiny fragments are not free. */
export const FRAGMENT_COST = 256;
/** Bytes counted for an empty queue. */
export const QUEUE_COST = 1024;

/** Collects fragments by offset. Offsets and sizes are bytes of payload, behind the headers that every fragment repeats. */
export class FragmentQueue {
  /** When to give up, ms. */
  readonly expires: number;
  /** The first fragment, headers included; undefined until it comes. */
  first: Uint8Array | undefined = undefined;
  /** Largest fragment, headers included, and the largest that carried DF. */
  maxSize = 0;
  maxDfSize = 0;
  /** What this queue keeps, bytes. */
  cost = QUEUE_COST;
  /** Payload bytes of the datagram, as far as known. */
  length = 0;
  readonly #runs: Run[] = [];
  #lastIn = false;
  #meat = 0;
  #ecn = 0;

  constructor(expires: number) {
    this.expires = expires;
  }

  /** Every byte is there. */
  get complete(): boolean {
    return this.first !== undefined && this.#lastIn && this.#meat === this.length;
  }

  /**
   * The fragments' ECN fields combined (RFC 3168 5.3): bits to set in the whole datagram's, or -1 when they contradict each
   * other and the datagram is to be dropped.
   */
  get ecn(): number {
    if ((this.#ecn & ECN_NOT_ECT) !== 0) return this.#ecn === ECN_NOT_ECT ? 0 : -1;
    return (this.#ecn & ECN_CE) !== 0 && this.#ecn !== ECN_CE ? 3 : 0;
  }

  /**
   * Adds a fragment.
   * @param fragment all of it, headers included; copied.
   * @param headers bytes of it before its payload.
   * @param size bytes of its payload that count.
   * @param more not the last one.
   * @param ecn its ECN field, 0 to 3.
   */
  add(
    fragment: Uint8Array,
    headers: number,
    offset: number,
    size: number,
    more: boolean,
    ecn: number,
  ): FragmentVerdict {
    const end = offset + size;
    if (this.#lastIn ? end > this.length || (!more && end !== this.length) : !more && end < this.length)
      return 'conflict';
    if (!more) this.#lastIn = true;
    if (end > this.length) this.length = end;
    if (size === 0) return 'conflict';
    const bytes = fragment.slice(offset === 0 ? 0 : headers, headers + size);
    const verdict = this.#insert(offset, end, offset === 0 ? bytes.subarray(headers) : bytes);
    if (verdict !== 'kept') return verdict;
    if (offset === 0) this.first = bytes;
    this.cost += bytes.length + FRAGMENT_COST;
    this.#meat += size;
    this.#ecn |= 1 << ecn;
    if (headers + size > this.maxSize) this.maxSize = headers + size;
    return verdict;
  }

  #insert(offset: number, end: number, part: Uint8Array): FragmentVerdict {
    const runs = this.#runs;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (runs[middle]!.end > offset) high = middle;
      else low = middle + 1;
    }
    const next = runs[low];
    if (next !== undefined && next.offset < end) {
      return next.offset <= offset && end <= next.end ? 'duplicate' : 'overlap';
    }
    const tail = runs[runs.length - 1];
    if (tail?.end === offset) {
      tail.end = end;
      tail.parts.push(part);
    } else runs.splice(low, 0, { offset, end, parts: [part] });
    return 'kept';
  }

  /** Writes the payload of a complete datagram to `target[at]`, and returns each fragment's part of it in bytes. */
  write(target: Uint8Array, at: number): Uint16Array {
    const parts = this.#runs.flatMap((run) => run.parts);
    let o = at;
    for (const part of parts) {
      target.set(part, o);
      o += part.length;
    }
    return Uint16Array.from(parts, (part) => part.length);
  }
}
