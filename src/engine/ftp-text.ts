/** Addresses and ports in the text of FTP: RFC 959 (PORT, 227) and RFC 2428 (EPRT, 229). */
import { AF_INET, AF_INET6, type Family, type InetAddr, inet4, parseInet } from '../wire/inet.js';

const CR = 13;
const SPACE = 32;
const COMMA = 44;
const ZERO = 48;
const NINE = 57;
const DOT = 46;
const OPEN = 40;

/** An address and a port, and where in the text they are. */
export interface FtpAddress {
  /** Undefined where an extended reply leaves it out: the address is that of the control connection. */
  readonly addr: InetAddr | undefined;
  readonly port: number;
  /** First byte of the address (of its first delimiter, in an extended form), and the byte behind its end. */
  readonly start: number;
  readonly end: number;
}

/** The commands by which a client asks the server to listen. */
export type FtpPassive = 'PASV' | 'EPSV';

/**
 * The first passive command anywhere in a client's payload `bytes[start..end)`.
 * @returns `none` when there is one that must not be followed: with it the rest of the payload is not looked at either.
 */
export function findPassive(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: Family,
): FtpPassive | 'none' | undefined {
  for (let at = start; at + 6 <= end; at++) {
    if (family === AF_INET && isText(bytes, at, end, 'PASV\r\n')) return 'PASV';
    if (!isText(bytes, at, end, 'EPSV')) continue;
    const next = bytes[at + 4];
    if (next === CR) return 'EPSV';
    if (next !== SPACE) continue;
    // with an argument only where it is the protocol number (RFC 2428 2) of the connection's own family
    const number = family === AF_INET ? ZERO + 1 : ZERO + 2;
    return at + 7 <= end && bytes[at + 6] === CR && bytes[at + 5] === number ? 'EPSV' : 'none';
  }
  return undefined;
}

/** The address in a command by which a client tells where it listens, at the start of its payload; undefined for all else. */
export function readActive(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: Family,
): FtpAddress | undefined {
  if (family === AF_INET && isText(bytes, start, end, 'PORT')) {
    return readQuad(bytes, skipTo(bytes, start + 4, end, SPACE, true), end);
  }
  if (!isText(bytes, start, end, 'EPRT')) return undefined;
  return readExtended(bytes, skipTo(bytes, start + 4, end, SPACE, false), end, family, false);
}

/** The address in the reply to a passive command, at the start of a server's payload; undefined for all else. */
export function readPassiveReply(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: Family,
  command: FtpPassive,
): FtpAddress | undefined {
  if (command === 'PASV') {
    if (!isText(bytes, start, end, '227 ')) return undefined;
    return readQuad(bytes, skipTo(bytes, start + 4, end, OPEN, true), end);
  }
  if (!isText(bytes, start, end, '229 ')) return undefined;
  return readExtended(bytes, skipTo(bytes, start + 4, end, OPEN, false), end, family, true);
}

/** `h1,h2,h3,h4,p1,p2` of RFC 959 as it is put in place of another. */
export function quadText(addr: number, port: number): string {
  return `${addr >>> 24},${(addr >>> 16) & 255},${(addr >>> 8) & 255},${addr & 255},${port >>> 8},${port & 255}`;
}

/** `|||port|` of RFC 2428. */
export function extendedText(port: number): string {
  return `|||${port}|`;
}

/** Case does not matter. */
function isText(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) {
    const want = text.charCodeAt(i);
    const have = bytes[at + i]!;
    if (have !== want && (have < 97 || have > 122 || have - 32 !== want)) return false;
  }
  return true;
}

const isDigit = (c: number | undefined): boolean => c !== undefined && c >= ZERO && c <= NINE;

/** Behind the first run of `mark`; with `digits` a digit before it will do as well. `end` when there is neither. */
function skipTo(bytes: Uint8Array, from: number, end: number, mark: number, digits: boolean): number {
  let at = from;
  while (at < end && bytes[at] !== mark) {
    if (digits && isDigit(bytes[at])) return at;
    at++;
  }
  while (at < end && bytes[at] === mark) at++;
  return at;
}

/** Six numbers, each taken modulo 256. Something must follow: the last one might be cut. */
function readQuad(bytes: Uint8Array, start: number, end: number): FtpAddress | undefined {
  const numbers = [0, 0, 0, 0, 0, 0];
  let i = 0;
  let at = start;
  for (; at < end; at++) {
    const c = bytes[at]!;
    if (isDigit(c)) numbers[i] = (numbers[i]! * 10 + c - ZERO) & 255;
    else if (c === COMMA && i < 5) i++;
    else break;
  }
  if (at === end || i !== 5) return undefined;
  const [a, b, c, d, p, q] = numbers as [number, number, number, number, number, number];
  return { addr: inet4((a << 24) | (b << 16) | (c << 8) | d), port: (p << 8) | q, start, end: at };
}

/** `<d>family<d>address<d>port<d>`, or in a reply `<d><d><d>port<d>`. @param reply the address may be left out. */
function readExtended(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: Family,
  reply: boolean,
): FtpAddress | undefined {
  const delimiter = bytes[start]!;
  if (start >= end || delimiter < 33 || delimiter > 126) return undefined;
  let at = start + 1;
  let addr: InetAddr | undefined;
  if (reply && at + 1 < end && bytes[at] === delimiter && bytes[at + 1] === delimiter) {
    at += 2;
  } else {
    if (at + 1 >= end || bytes[at] !== (family === AF_INET6 ? ZERO + 2 : ZERO + 1)) return undefined;
    if (bytes[at + 1] !== delimiter) return undefined;
    at += 2;
    const close = bytes.indexOf(delimiter, at);
    if (close < 0 || close >= end) return undefined;
    addr = readAddress(bytes, at, close, family);
    if (addr === undefined) return undefined;
    at = close + 1;
  }
  let port = 0;
  while (at < end && isDigit(bytes[at])) port = (port * 10 + bytes[at++]! - ZERO) & 0xffff;
  if (at >= end || bytes[at] !== delimiter || port === 0) return undefined;
  return { addr, port, start, end: at + 1 };
}

function readAddress(bytes: Uint8Array, start: number, end: number, family: Family): InetAddr | undefined {
  if (family === AF_INET) return readDotted(bytes, start, end);
  const text = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 64)));
  const addr = end - start > 64 ? undefined : parseInet(text);
  return addr?.family === AF_INET6 ? addr : undefined;
}

/** Four numbers; zeros in front do no harm. */
function readDotted(bytes: Uint8Array, start: number, end: number): InetAddr | undefined {
  let value = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = start; at <= end; at++) {
    const c = at === end ? DOT : bytes[at]!;
    if (isDigit(c)) {
      part = part * 10 + c - ZERO;
      digits++;
      if (part > 255) return undefined;
    } else {
      if (c !== DOT || digits === 0) return undefined;
      value = (value << 8) | part;
      parts++;
      part = 0;
      digits = 0;
    }
  }
  return parts === 4 ? inet4(value) : undefined;
}
