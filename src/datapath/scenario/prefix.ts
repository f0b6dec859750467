/** Address prefixes, as routes and rules name them. */
import { IpvsError } from '../../errors.js';
import {
  AF_INET,
  AF_INET6,
  anyAddr,
  type Family,
  type InetAddr,
  inetFromWords,
  parseInet,
} from '../../wire/inet.js';

/** An address and how many of its bits count (0..32 or 0..128). */
export interface Prefix {
  readonly addr: InetAddr;
  readonly length: number;
}

/** Bits in an address of a family. */
export const addressBits = (family: Family): number => (family === AF_INET ? 32 : 128);

/** Parses `ADDR`, `ADDR/LENGTH` or `default`. @throws IpvsError `INVALID` naming `field`. */
export function parsePrefix(text: string, field: string, family: Family = AF_INET): Prefix {
  if (text === 'default' || text === 'any' || text === 'all') return { addr: anyAddr(family), length: 0 };
  const [address, bits, ...rest] = text.split('/');
  const addr = parseInet(address!);
  if (addr === undefined || rest.length > 0)
    throw new IpvsError('INVALID', `"${text}" is no address prefix`, field);
  const most = addressBits(addr.family);
  const length = bits === undefined ? most : Number(bits);
  if (!/^\d+$/.test(bits ?? '0') || length > most) {
    throw new IpvsError('INVALID', `"${text}" is no address prefix`, field);
  }
  return { addr, length };
}

/** Parses an address. @throws IpvsError `INVALID` naming `field`. */
export function parseAddress(text: string, field: string): InetAddr {
  const addr = parseInet(text);
  if (addr === undefined) throw new IpvsError('INVALID', `"${text}" is no address`, field);
  return addr;
}

const mask = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

/** True when the first `prefix.length` bits of the address at `words[at]` are the prefix's. The families are equal already. */
export function prefixCovers(prefix: Prefix, words: Int32Array, at = 0): boolean {
  const n = prefix.addr.family === AF_INET6 ? 4 : 1;
  for (let i = 0; i < n; i++) {
    if (((words[at + i]! ^ prefix.addr.words[i]!) & mask(prefix.length - 32 * i)) !== 0) return false;
  }
  return true;
}

/** The prefix with the bits beyond its length cleared (`set` false) or set. */
export function prefixEdge(prefix: Prefix, set: boolean): InetAddr {
  const out = inetFromWords(prefix.addr.family, prefix.addr.words);
  for (let i = 0; i < addressBits(prefix.addr.family) / 32; i++) {
    const m = mask(prefix.length - 32 * i);
    out.words[i] = set ? out.words[i]! | ~m : out.words[i]! & m;
  }
  return out;
}

/** How many leading bits two addresses of one family share. */
export function commonBits(a: InetAddr, b: InetAddr): number {
  const n = addressBits(a.family) / 32;
  for (let i = 0; i < n; i++) {
    const x = a.words[i]! ^ b.words[i]!;
    if (x !== 0) return 32 * i + Math.clz32(x);
  }
  return 32 * n;
}
