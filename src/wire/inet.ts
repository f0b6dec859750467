/** IP addresses as host-order 32-bit words, and their text. */

/** Linux `AF_INET`. */
export const AF_INET = 2;
/** Linux `AF_INET6`. */
export const AF_INET6 = 10;
/** Address family, with the numbers of Linux. */
export type Family = typeof AF_INET | typeof AF_INET6;

/**
 * An IP address. `words` holds signed 32-bit integers in host order: IPv4 uses the first word (the others are 0),
 * IPv6 all four, most significant first. Treated as immutable once made.
 */
export interface InetAddr {
  readonly family: Family;
  readonly words: Int32Array;
}

/** The unspecified address (0.0.0.0 or ::). */
export function anyAddr(family: Family): InetAddr {
  return { family, words: new Int32Array(4) };
}

/** An IPv4 address from its 32-bit value (host order). */
export function inet4(value: number): InetAddr {
  const words = new Int32Array(4);
  words[0] = value;
  return { family: AF_INET, words };
}

/** An IPv6 address from four 32-bit words (host order). */
export function inet6(w0: number, w1: number, w2: number, w3: number): InetAddr {
  return { family: AF_INET6, words: Int32Array.of(w0, w1, w2, w3) };
}

/** A copy that shares nothing with `words`. */
export function inetFromWords(family: Family, words: Int32Array, at = 0): InetAddr {
  return family === AF_INET ? inet4(words[at]!) : { family, words: words.slice(at, at + 4) };
}

/** Equal family and address. */
export function inetEqual(a: InetAddr, b: InetAddr): boolean {
  const x = a.words;
  const y = b.words;
  return a.family === b.family && x[0] === y[0] && x[1] === y[1] && x[2] === y[2] && x[3] === y[3];
}

/** True for 0.0.0.0 and ::. */
export function inetIsAny(a: InetAddr): boolean {
  const w = a.words;
  return (w[0]! | w[1]! | w[2]! | w[3]!) === 0;
}

/** Orders by family, then numerically. */
export function inetCompare(a: InetAddr, b: InetAddr): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < 4; i++) {
    const d = (a.words[i]! >>> 0) - (b.words[i]! >>> 0);
    if (d !== 0) return d;
  }
  return 0;
}

/** The address in network order: 4 or 16 bytes. */
export function inetBytes(a: InetAddr): Uint8Array {
  const n = a.family === AF_INET ? 1 : 4;
  const out = new Uint8Array(4 * n);
  const view = new DataView(out.buffer);
  for (let i = 0; i < n; i++) view.setInt32(4 * i, a.words[i]!);
  return out;
}

/** Reads an address in network order at `bytes[at]`. The caller has checked that it is there. */
export function inetFromBytes(family: Family, bytes: Uint8Array, at = 0): InetAddr {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return family === AF_INET
    ? inet4(view.getInt32(at))
    : inet6(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12));
}

/** Text form: dotted quad, or RFC 5952 for IPv6 (as `inet_ntop` prints it). */
export function inetToString(a: InetAddr): string {
  const w = a.words;
  if (a.family === AF_INET) return ipv4Text(w[0]!);
  const group: number[] = [];
  for (let i = 0; i < 4; i++) group.push(w[i]! >>> 16, w[i]! & 0xffff);
  // inet_ntop writes ::a.b.c.d for v4-mapped and v4-compatible addresses
  if (w[0] === 0 && w[1] === 0 && (w[2] === 0xffff || (w[2] === 0 && w[3]! >>> 16 !== 0))) {
    return `::${w[2] === 0 ? '' : 'ffff:'}${ipv4Text(w[3]!)}`;
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && group[j] === 0) j++;
    if (j - i > length) {
      start = i;
      length = j - i;
    }
    i = j === i ? i + 1 : j;
  }
  const hex = group.map((g) => g.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function ipv4Text(v: number): string {
  return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}`;
}

/** Parses a strict dotted quad or an IPv6 text (RFC 4291 2.2, no zone). Undefined when it is neither. */
export function parseInet(text: string): InetAddr | undefined {
  return text.includes(':') ? parseInet6(text) : parseInet4(text);
}

function parseInet4(text: string): InetAddr | undefined {
  const m = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!m) return undefined;
  let v = 0;
  for (let i = 1; i <= 4; i++) {
    const n = Number(m[i]);
    if (n > 255 || (m[i]!.length > 1 && m[i]!.startsWith('0'))) return undefined;
    v = (v << 8) | n;
  }
  return inet4(v);
}

function parseInet6(text: string): InetAddr | undefined {
  let source = text;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const v4 = parseInet4(tail[2]!);
    if (!v4) return undefined;
    const v = v4.words[0]!;
    source = `${tail[1]}${(v >>> 16).toString(16)}:${(v & 0xffff).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const head = halves[0] === '' ? [] : halves[0]!.split(':');
  const rest = halves.length === 1 || halves[1] === '' ? [] : halves[1]!.split(':');
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const group = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill('0'), ...rest];
  if (group.some((g) => !/^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  const n = group.map((g) => Number.parseInt(g, 16));
  return inet6((n[0]! << 16) | n[1]!, (n[2]! << 16) | n[3]!, (n[4]! << 16) | n[5]!, (n[6]! << 16) | n[7]!);
}
