/** What a `virtual_server` is for: an address and port, a mark, or the entries of a group. */
import type { FamilyName } from '../../../control/command.js';
import { AF_INET, type InetAddr, inetToString, parseInet } from '../../../wire/inet.js';
import type { Statement } from './statements.js';

/** An identity without what the virtual server itself says (protocol, family of a mark). */
export type VirtualKey = { address: string; port: number } | { fwmark: number; family?: FamilyName };

/** Addresses in one range at most. */
const RANGE_MAX = 65_536;

/** The identities that words such as `192.0.2.1 80`, `192.0.2.1-10 80` and `fwmark 7` stand for; undefined when they are none. */
export function parseKeys(words: readonly string[]): VirtualKey[] | undefined {
  const [first = '', second] = words;
  if (first === 'fwmark') {
    const [, , family] = words;
    const mark = /^\d+$/.test(second ?? '') ? Number(second) : 0;
    if (mark === 0) return undefined;
    return [{ fwmark: mark, ...((family === 'inet' || family === 'inet6') && { family }) }];
  }
  const port = second === undefined ? 0 : /^\d+$/.test(second) ? Number(second) : Number.NaN;
  const addresses = parseRange(first);
  if (addresses === undefined || !(port <= 65_535)) return undefined;
  return addresses.map((address) => ({ address, port }));
}

/** The entries of a `virtual_server_group`, with those statements that are none. */
export function parseGroup(group: Statement): { keys: VirtualKey[]; unknown: Statement[] } {
  const keys: VirtualKey[] = [];
  const unknown: Statement[] = [];
  for (const entry of group.block ?? []) {
    const found = entry.block === undefined ? parseKeys(entry.words) : undefined;
    if (found === undefined) unknown.push(entry);
    else keys.push(...found);
  }
  return { keys, unknown };
}

/** One address, `A-B` with B an address or the last part of one, or `A/LENGTH`. */
function parseRange(text: string): string[] | undefined {
  const [, low = '', separator, high = ''] = /^([^-/]+)(?:([-/])(.+))?$/.exec(text) ?? [];
  const from = parseInet(low);
  if (from === undefined) return undefined;
  const begin = toNumber(from);
  if (separator === undefined) return [inetToString(from)];
  const bits = from.family === AF_INET ? 32 : 128;
  let first = begin;
  let last: bigint;
  if (separator === '/') {
    if (!/^\d{1,3}$/.test(high) || Number(high) > bits) return undefined;
    const size = 1n << BigInt(bits - Number(high));
    first = begin - (begin % size);
    last = first + size - 1n;
  } else {
    const to = parseInet(high);
    const part = from.family === AF_INET ? 256n : 65_536n;
    const number = from.family === AF_INET ? /^\d{1,3}$/ : /^[0-9a-fA-F]{1,4}$/;
    if (to?.family === from.family) last = toNumber(to);
    else if (number.test(high))
      last = begin - (begin % part) + BigInt(from.family === AF_INET ? high : `0x${high}`);
    else return undefined;
  }
  if (last < first || last - first >= RANGE_MAX) return undefined;
  const out: string[] = [];
  for (let value = first; value <= last; value++) out.push(toText(from, value));
  return out;
}

function toNumber({ family, words }: InetAddr): bigint {
  const used = words.slice(0, family === AF_INET ? 1 : 4);
  return used.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function toText({ family }: InetAddr, value: bigint): string {
  const words = new Int32Array(4);
  const used = family === AF_INET ? 1 : 4;
  for (let i = 0; i < used; i++) words[i] = Number((value >> BigInt(32 * (used - 1 - i))) & 0xffffffffn) | 0;
  return inetToString({ family, words });
}
