/** Reassembly of IPv4 and IPv6 fragments, by the rules of `ip_frag_queue` and `nf_ct_frag6_queue` (RFC 791, 5722, 8200). */
import { ipv4SetChecksum } from './checksum.js';
import { FRAGMENT_COST, FragmentQueue, type FragmentVerdict, QUEUE_COST } from './fragment-queue.js';
import {
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPV4_MIN,
  ipv4FragOff,
  ipv4HeaderLength,
  ipv4Tos,
  ipv4TotalLength,
  ipv4Version,
} from './ipv4.js';
import {
  IPV6_FRAGMENT_HEADER,
  IPV6_HEADER,
  IPV6_SOURCE,
  type Ipv6Joint,
  ipv6FindFragment,
  ipv6PayloadLength,
  ipv6TrafficClass,
  ipv6Version,
} from './ipv6.js';
import { CHECKSUM_NONE, HEADROOM, type Packet } from './packet.js';

/** Largest total length of an IPv4 packet, and largest payload length of an IPv6 packet. */
const MAX_LENGTH = 0xffff;

const joint: Ipv6Joint = { nexthdr: 0, at: 0 };

/** Limits of a {@link Reassembler}. */
export interface ReassemblerOptions {
  /** How long the first fragment to arrive waits for the others, ms (Linux: 30,000 for IPv4, 60,000 for IPv6). */
  readonly timeoutMs: number;
  /** Most bytes kept, bookkeeping included; fragments beyond are dropped (Linux: 4 MiB). */
  readonly maxBytes: number;
}

/** Keeps fragments until their datagram is whole. Packets that are no fragments pass at the cost of a glance. */
export class Reassembler {
  readonly #options: ReassemblerOptions;
  /** By identification, addresses and (IPv4) protocol; in the order in which they expire. */
  readonly #queues = new Map<string, FragmentQueue>();
  #bytes = 0;

  constructor(options: ReassemblerOptions) {
    this.#options = options;
  }

  /** Bytes kept now, as `maxBytes` counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Datagrams that wait for more fragments. */
  get size(): number {
    return this.#queues.size;
  }

  /**
   * Takes a packet that has just come in; nothing of it needs to have been checked.
   * @param now ms, never less than in an earlier call.
   * @returns true: `p` was no fragment, or now holds the whole datagram, with `fragMaxSize` and `fragSizes` set.
   *   false: it is kept for later, or was malformed and is dropped.
   */
  input(p: Packet, now: number): boolean {
    const v = p.view;
    if (p.len < IPV4_MIN) return true;
    if (ipv4Version(v, p.data) === 4) {
      return (ipv4FragOff(v, p.data) & (IP_MF | IP_OFFSET)) === 0 || this.#input4(p, now);
    }
    if (p.len < IPV6_HEADER || ipv6Version(v, p.data) !== 6) return true;
    return !ipv6FindFragment(v, p.data, p.data + p.len, joint) || this.#input6(p, joint.at, now);
  }

  /**
   * Gives up the datagrams whose time is over.
   * @param onTimeout is handed the first fragment, whole, of those that have it: an ICMP error may be due (RFC 792).
   */
  expire(now: number, onTimeout?: (first: Uint8Array) => void): void {
    for (const [key, queue] of this.#queues) {
      if (queue.expires > now) return;
      this.#drop(key, queue);
      if (queue.first !== undefined) onTimeout?.(queue.first);
    }
  }

  #input4(p: Packet, now: number): boolean {
    const v = p.view;
    const ip = p.data;
    const hlen = ipv4HeaderLength(v, ip);
    const length = ipv4TotalLength(v, ip);
    if (hlen < IPV4_MIN || length < hlen || length > p.len) return false;
    const word = ipv4FragOff(v, ip);
    const more = (word & IP_MF) !== 0;
    const size = more ? (length - hlen) & ~7 : length - hlen;
    const key = `${v.getUint16(ip + 4)},${v.getInt32(ip + 12)},${v.getInt32(ip + 16)},${v.getUint8(ip + 9)}`;
    const queue = this.#find(key, p.len, now);
    if (queue === undefined) return false;
    const verdict = this.#add(queue, p, hlen, (word & IP_OFFSET) << 3, size, more, ipv4Tos(v, ip) & 3);
    if (verdict === 'conflict' || verdict === 'overlap') this.#drop(key, queue);
    if (verdict !== 'kept') return false;
    if ((word & IP_DF) !== 0) queue.maxDfSize = Math.max(queue.maxDfSize, hlen + size);
    if (!queue.complete) return false;
    this.#drop(key, queue);
    return restore4(p, queue);
  }

  #input6(p: Packet, fragment: number, now: number): boolean {
    const v = p.view;
    const ip = p.data;
    const headers = fragment + IPV6_FRAGMENT_HEADER - ip;
    const size = IPV6_HEADER + ipv6PayloadLength(v, ip) - headers;
    if (size < 0 || headers + size > p.len) return false;
    const word = v.getUint16(fragment + 2);
    const offset = word & 0xfff8;
    const more = (word & 1) !== 0;
    const ecn = ipv6TrafficClass(v, ip) & 3;
    if (offset + size > MAX_LENGTH) return false;
    let key = `${v.getInt32(fragment + 4)}`;
    for (let o = ip + IPV6_SOURCE; o < ip + IPV6_HEADER; o += 4) key += `,${v.getInt32(o)}`;
    if (more && size % 8 !== 0) {
      this.#forget(key);
      return false;
    }
    const queue = this.#find(key, p.len, now);
    if (queue === undefined) return false;
    const verdict = this.#add(queue, p, headers, offset, size, more, ecn);
    if (verdict === 'overlap') this.#drop(key, queue);
    if (verdict !== 'kept' || !queue.complete) return false;
    this.#drop(key, queue);
    return restore6(p, queue);
  }

  /** The queue of a datagram, a new one if need be; undefined when there is no memory left for the fragment. */
  #find(key: string, length: number, now: number): FragmentQueue | undefined {
    if (this.#bytes + length + FRAGMENT_COST + QUEUE_COST > this.#options.maxBytes) return undefined;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new FragmentQueue(now + this.#options.timeoutMs);
      this.#queues.set(key, queue);
      this.#bytes += queue.cost;
    }
    return queue;
  }

  #add(
    queue: FragmentQueue,
    p: Packet,
    headers: number,
    offset: number,
    size: number,
    more: boolean,
    ecn: number,
  ): FragmentVerdict {
    const cost = queue.cost;
    const verdict = queue.add(p.payload(), headers, offset, size, more, ecn);
    this.#bytes += queue.cost - cost;
    return verdict;
  }

  /** Nothing of the datagram is believed any more. */
  #forget(key: string): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined) this.#drop(key, queue);
  }

  #drop(key: string, queue: FragmentQueue): void {
    this.#queues.delete(key);
    this.#bytes -= queue.cost;
  }
}

/** Makes `p` the datagram of a complete queue (`ip_frag_reasm`). */
function restore4(p: Packet, queue: FragmentQueue): boolean {
  const first = queue.first!;
  const hlen = (first[0]! & 15) << 2;
  const total = hlen + queue.length;
  const ecn = queue.ecn;
  if (total > MAX_LENGTH || ecn < 0 || !begin(p, queue, total)) return false;
  const v = p.view;
  const ip = p.data;
  p.bytes.set(first.subarray(0, hlen), ip);
  p.fragSizes = queue.write(p.bytes, ip + hlen);
  v.setUint8(ip + 1, ipv4Tos(v, ip) | ecn);
  v.setUint16(ip + 2, total);
  // DF says that the sender looks for the path MTU; with a smaller fragment than the largest it says nothing
  p.fragDf = queue.maxDfSize === queue.maxSize;
  v.setUint16(ip + 6, p.fragDf ? IP_DF : 0);
  ipv4SetChecksum(v, ip, hlen);
  return true;
}

/** Makes `p` the datagram of a complete queue, its fragment header taken out (`nf_ct_frag6_reasm`). */
function restore6(p: Packet, queue: FragmentQueue): boolean {
  const first = queue.first!;
  if (!ipv6FindFragment(new DataView(first.buffer), 0, first.length, joint)) return false;
  const headers = joint.at;
  const payload = headers - IPV6_HEADER + queue.length;
  const ecn = queue.ecn;
  if (payload > MAX_LENGTH || ecn < 0 || !begin(p, queue, headers + queue.length)) return false;
  const v = p.view;
  const ip = p.data;
  p.bytes.set(first.subarray(0, headers), ip);
  p.fragSizes = queue.write(p.bytes, ip + headers);
  v.setUint8(ip + joint.nexthdr, first[headers]!);
  v.setUint16(ip, v.getUint16(ip) | (ecn << 4));
  v.setUint16(ip + 4, payload);
  p.ignoreDf = true;
  return true;
}

/** Makes room for the datagram, and sets what does not depend on the family. False when the buffer is too small. */
function begin(p: Packet, queue: FragmentQueue, length: number): boolean {
  if (p.data + length > p.bytes.length) p.data = HEADROOM;
  if (p.data + length > p.bytes.length) return false;
  p.len = length;
  p.ipSummed = CHECKSUM_NONE;
  p.fragMaxSize = queue.maxSize;
  return true;
}
