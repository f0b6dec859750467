/** Few networks in place of many addresses. */
import type { Prefix } from '../../linux/rt-rule.js';
import { AF_INET, type InetAddr, inetCompare, inetFromWords } from '../../wire/inet.js';

/**
 * The networks that hold the addresses of each group: the smallest of one size that are no more than `most` together (but at least one a group).
 * While the addresses are no more, they are the addresses themselves.
 * @param groups addresses of one family.
 */
export function cover(groups: readonly (readonly InetAddr[])[], most: number): Prefix[][] {
  const sorted = groups.map((addresses) => [...addresses].sort(inetCompare));
  const length = prefixLength(sorted, most);
  return sorted.map((addresses) =>
    addresses
      .filter((address, i) => i === 0 || commonBits(addresses[i - 1]!, address) < length)
      .map((address) => ({ address: network(address, length), length })),
  );
}

/** The largest length at which the networks are few enough: sorted addresses begin a new network where they differ from the one before. */
function prefixLength(sorted: readonly (readonly InetAddr[])[], most: number): number {
  const family = sorted.find((addresses) => addresses.length > 0)?.[0]?.family;
  const longest = family === AF_INET ? 32 : 128;
  const beginAt = new Int32Array(longest + 1);
  let count = 0;
  for (const addresses of sorted) {
    count += addresses.length;
    for (let i = 1; i < addresses.length; i++) beginAt[commonBits(addresses[i - 1]!, addresses[i]!)]!++;
  }
  // what is there twice begins nothing
  count -= beginAt[longest]!;
  let length = longest;
  while (length > 0 && count > most) count -= beginAt[--length]!;
  return length;
}

/** How many leading bits two addresses of one family share. */
function commonBits(a: InetAddr, b: InetAddr): number {
  const words = a.family === AF_INET ? 1 : 4;
  for (let i = 0; i < words; i++) {
    const differing = a.words[i]! ^ b.words[i]!;
    if (differing !== 0) return 32 * i + Math.clz32(differing);
  }
  return 32 * words;
}

function network(address: InetAddr, length: number): InetAddr {
  const words = address.words.slice();
  for (let i = 0; i < 4; i++) {
    const bits = Math.min(Math.max(length - 32 * i, 0), 32);
    words[i] = words[i]! & (bits === 0 ? 0 : -1 << (32 - bits));
  }
  return inetFromWords(address.family, words);
}
