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

/** What the kernel takes for a letter (`isalpha`): ASCII and Latin-1. */
const LETTER: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) => {
  const ascii = (c | SPACE) >= 97 && (c | SPACE) <= 122 && c < 128;
  return ascii || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7) ? 1 : 0;
});

/** Characters of RFC 3261's `word`. */
const WORD: Uint8Array = LETTER.slice();
for (const c of '0123456789-.!%*_+`\'~()<>:\\"/[]?{}') WORD[c.charCodeAt(0)] = 1;

/** `sip`, for UDP. */
export const sip: PersistenceEngine = {
  name: 'sip',
  connOut: true,
  fillParam(packet: Packet, iph: IpHdr): Uint8Array | undefined {
    if (iph.protocol !== IPPROTO_UDP) return undefined;
    const start = packet.data + iph.len + UDP_HEADER;
    const end = packet.data + packet.len;
    if (start >= end) return undefined;
    packet.pull(packet.len);
    return callId(packet.bytes, start, end);
  },
};

/** Where a look for the header has ended: offsets of what was found, or where to look on. */
interface Found {
  from: number;
  to: number;
}

const found: Found = { from: 0, to: 0 };

/** The value of the Call-ID header in `bytes[start..end)`. */
function callId(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  // after a header without a value, the kernel looks on further than where that was: its offsets add up
  for (let skipped = 0; findHeader(bytes, start + skipped, end); skipped += found.from - start) {
    const { from, to } = found;
    if (to === from) continue;
    // without the end of its line the value may have been cut
    if (to - from > PE_DATA_MAX || to === end || !isLineEnd(bytes[to]!)) return undefined;
    return bytes.slice(from, to);
  }
  return undefined;
}

const isLineEnd = (c: number): boolean => c === CR || c === LF;
const isBlank = (c: number): boolean => c === SPACE || c === TAB;

/** Looks for a Call-ID header behind each end of line from `start` on; `found` is then its value, which may be empty (`ct_sip_get_header`). */
function findHeader(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (!isLineEnd(bytes[at]!)) continue;
    at = behindLineEnd(bytes, at, end);
    if (at >= end) return false;
    const name = nameLength(bytes, at, end);
    if (name === 0) continue;
    const colon = skipBlanks(bytes, at + name, end);
    if (colon < 0 || colon >= end || bytes[colon] !== COLON || colon + 1 >= end) return false;
    found.from = skipBlanks(bytes, colon + 1, end);
    if (found.from < 0) return false;
    found.to = found.from + valueLength(bytes, found.from, end);
    return true;
  }
  return false;
}

/** CR, LF, or both. */
function behindLineEnd(bytes: Uint8Array, at: number, end: number): number {
  return bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF ? at + 2 : at + 1;
}

/** Length of the header's name at `at`, long or compact; 0 for another header. */
function nameLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= NAME.length && NAME.every((c, i) => lower(bytes[at + i]!) === c)) return NAME.length;
  if (end - at >= 2 && lower(bytes[at]!) === COMPACT_NAME && LETTER[bytes[at + 1]!] === 0) return 1;
  return 0;
}

const lower = (c: number): number => (c >= 65 && c <= 90 ? c | SPACE : c);

/** Skips blanks, and the start of a line that continues this one; -1 when the next line is another header. */
function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(bytes[at]!)) at++;
  if (at >= end || !isLineEnd(bytes[at]!)) return at;
  at = behindLineEnd(bytes, at, end);
  if (at >= end || !isBlank(bytes[at]!)) return -1;
  while (at < end && isBlank(bytes[at]!)) at++;
  return at;
}

/** Length of a word, or of two with an @ between them; 0 when the second is missing. */
function valueLength(bytes: Uint8Array, from: number, end: number): number {
  const at = skipWord(bytes, from, end);
  if (at === from || at === end || bytes[at] !== AT) return at - from;
  const stop = skipWord(bytes, at + 1, end);
  return stop === at + 1 ? 0 : stop - from;
}

function skipWord(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && WORD[bytes[at]!] === 1) at++;
  return at;
}
