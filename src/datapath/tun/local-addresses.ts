/** The addresses of this host, for a question asked of every packet. */
import type { AddrType } from '../../engine/host.js';
import { type KernelRoute, RTN_BROADCAST, RTN_LOCAL } from '../../linux/rt-route.js';
import { AF_INET, type InetAddr } from '../../wire/inet.js';

const LINK_LOCAL_MASK = 0xffc00000 | 0;
const LINK_LOCAL = 0xfe800000 | 0;

/** Mixes the four words of an IPv6 address. */
function hash6(words: Int32Array, at: number): number {
  let h = Math.imul(words[at]!, 0x9e3779b1) ^ words[at + 1]!;
  h = Math.imul(h, 0x85ebca6b) ^ words[at + 2]!;
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35) ^ words[at + 3]!;
  return h ^ (h >>> 13);
}

/** What the kernel's local table says, made quick to ask. */
export class LocalAddresses {
  readonly #hosts4 = new Set<number>();
  readonly #broadcasts = new Set<number>();
  /** Networks that are local as a whole (127.0.0.0/8, and `ip route add local`). */
  readonly #networks4: { network: number; mask: number }[] = [];
  readonly #networks6: { words: Int32Array; length: number }[] = [];
  /** Open addressing over `#words6`; 0 is a free slot, otherwise one more than the address's number. */
  #slots6 = new Int32Array(8);
  #words6 = new Int32Array(0);

  /** Takes over the routes of the local tables of both families. */
  replace(routes: readonly KernelRoute[]): void {
    this.#hosts4.clear();
    this.#broadcasts.clear();
    this.#networks4.length = 0;
    this.#networks6.length = 0;
    const hosts6: InetAddr[] = [];
    for (const { family, type, destination, prefixLength } of routes) {
      const word = destination.words[0]!;
      if (type === RTN_BROADCAST && family === AF_INET) this.#broadcasts.add(word);
      if (type !== RTN_LOCAL) continue;
      if (family !== AF_INET) {
        if (prefixLength === 128) hosts6.push(destination);
        else this.#networks6.push({ words: destination.words, length: prefixLength });
      } else if (prefixLength === 32) this.#hosts4.add(word);
      else this.#networks4.push({ network: word, mask: maskOf(prefixLength) });
    }
    this.#index6(hosts6);
  }

  /** True when the address at `words[at]` is one of this host's. Allocates nothing. */
  has(family: number, words: Int32Array, at: number): boolean {
    return family === AF_INET ? this.#has4(words[at]!) : this.#has6(words, at);
  }

  /** What an address is to this host. */
  type(address: InetAddr): AddrType {
    const { family, words } = address;
    const first = words[0]!;
    if (family !== AF_INET) {
      if ((first | words[1]! | words[2]! | words[3]!) === 0) return 'unspecified';
      if (first >>> 24 === 0xff) return 'multicast';
      if (this.#has6(words, 0)) return 'local';
      return (first & LINK_LOCAL_MASK) === LINK_LOCAL ? 'linklocal' : 'unicast';
    }
    if (first === 0) return 'unspecified';
    if (first === -1 || this.#broadcasts.has(first)) return 'broadcast';
    if (first >>> 28 === 0xe) return 'multicast';
    return this.#has4(first) ? 'local' : 'unicast';
  }

  #has4(word: number): boolean {
    if (this.#hosts4.has(word)) return true;
    for (const { network, mask } of this.#networks4) if ((word & mask) === network) return true;
    return false;
  }

  #has6(words: Int32Array, at: number): boolean {
    const slots = this.#slots6;
    const all = this.#words6;
    const mask = slots.length - 1;
    for (let i = hash6(words, at) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const o = (slots[i]! - 1) * 4;
      if (
        all[o] === words[at] &&
        all[o + 1] === words[at + 1] &&
        all[o + 2] === words[at + 2] &&
        all[o + 3] === words[at + 3]
      ) {
        return true;
      }
    }
    for (const network of this.#networks6)
      if (inNetwork6(words, at, network.words, network.length)) return true;
    return false;
  }

  #index6(addresses: readonly InetAddr[]): void {
    let size = 8;
    while (size < 2 * addresses.length) size *= 2;
    this.#slots6 = new Int32Array(size);
    this.#words6 = new Int32Array(4 * addresses.length);
    for (const [number, { words }] of addresses.entries()) {
      this.#words6.set(words, 4 * number);
      let i = hash6(words, 0) & (size - 1);
      while (this.#slots6[i] !== 0) i = (i + 1) & (size - 1);
      this.#slots6[i] = number + 1;
    }
  }
}

function maskOf(length: number): number {
  return length === 0 ? 0 : (-1 << (32 - length)) | 0;
}

function inNetwork6(words: Int32Array, at: number, network: Int32Array, length: number): boolean {
  for (let i = 0, left = length; left > 0; i++, left -= 32) {
    if (((words[at + i]! ^ network[i]!) & maskOf(Math.min(left, 32))) !== 0) return false;
  }
  return true;
}
