/** The SIP persistence engine (`ip_vs_pe_sip.c`): the messages of one call go to one server, by their Call-ID (RFC 3261 20.8). */
import type { Packet } from '../wire/packet.js';
import { UDP_HEADER } from '../wire/udp.js';
import { IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { PersistenceEngine } from './persistence-engine.js';

/** Longest data of a template, bytes (`IP_VS_PEDATA_MAXLEN`). */
const PE_DATA_MAX = 255;
const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const AT = 64;
const NAME = [...'call-id'].map((c) => c.charCodeAt(0));
const COMPACT_NAME = 'i'.charCodeAt(0);

/** Characters of RFC 3261's `word`. */
const WORD: Uint8Array = new Uint8Array(256);
for (const c of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`\'~()<>:\\"/[]?{}') {
  WORD[c.charCodeAt(0)] = 1;
}

/** `sip`, for UDP. */
export const sip: PersistenceEngine = {
  name: 'sip',
  connOut: true,
  fillParam(packet: Packet, iph: IpHdr): Uint8Array | undefined {
    if (iph.protocol !== IPPROTO_UDP) return undefined;
    const start = packet.data + iph.len + UDP_HEADER;
    const end = packet.data + packet.len;
    return start < end ? callId(packet.bytes, start, end) : undefined;
  },
};

/** The value of the Call-ID header in `bytes[start..end)`: a header is looked for behind each end of line. */
function callId(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== CR && bytes[at] !== LF) continue;
    let line = at + 1;
    if (bytes[at] === CR && bytes[line] === LF) line++;
    if (line >= end) return undefined;
    at = line - 1;
    const name = nameLength(bytes, line, end);
    if (name === 0) continue;
    return value(bytes, line + name, end);
  }
  return undefined;
}

/** Length of the header's name at `at`, long or compact; 0 for another header. */
function nameLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= NAME.length && NAME.every((c, i) => (bytes[at + i]! | SPACE) === (c | SPACE)))
    return NAME.length;
  if (end - at >= 2 && (bytes[at]! | SPACE) === COMPACT_NAME && !isLetter(bytes[at + 1]!)) return 1;
  return 0;
}

function value(bytes: Uint8Array, behindName: number, end: number): Uint8Array | undefined {
  let at = skipBlanks(bytes, behindName, end);
  if (at >= end || bytes[at] !== COLON) return undefined;
  at = skipBlanks(bytes, at + 1, end);
  let stop = skipWord(bytes, at, end);
  if (stop > at && bytes[stop] === AT && stop < end) {
    const host = skipWord(bytes, stop + 1, end);
    if (host === stop + 1) return undefined;
    stop = host;
  }
  const length = stop - at;
  if (length === 0 || length > PE_DATA_MAX || stop >= end) return undefined;
  // without the end of its line the value may have been cut
  return bytes[stop] === CR || bytes[stop] === LF ? bytes.slice(at, stop) : undefined;
}

function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}

function skipWord(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && WORD[bytes[at]!] === 1) at++;
  return at;
}

function isLetter(c: number): boolean {
  const lower = c | SPACE;
  return lower >= 97 && lower <= 122;
}
