/** An entry of a version 1 message (`struct ip_vs_sync_v4`, `ip_vs_sync_v6`), with its options. */
import { AF_INET, AF_INET6, type Family, inetBytes, inetFromBytes } from '../../wire/inet.js';
import { readSeq, writeSeq } from './entry-v0.js';
import type { SyncEntry, SyncSeq } from './message.js';

/** Bytes of an entry without options: IPv4, and the least that any has; IPv6. */
export const ENTRY_V1 = 36;
export const ENTRY_V1_IPV6 = 72;

/** Offset of the first address. */
const ADDRESSES = 24;
/** Type of an entry: IPv6. */
const TYPE_INET6 = 1;
/** The version, above the length; 0 is the only one. */
const VERSION_SHIFT = 12;
const LENGTH_MASK = 0x0fff;

const OPT_SEQ_DATA = 1;
const OPT_PE_DATA = 2;
const OPT_PE_NAME = 3;
/** Bit of an option's type: whoever does not know it may pass it over. */
const OPT_PARAM = 0x40;
const SEQ_DATA = 24;
/** Longest data and name of a persistence engine (`IP_VS_PEDATA_MAXLEN`, `IP_VS_PENAME_MAXLEN`). */
export const PE_DATA_MAX = 255;
export const PE_NAME_MAX = 16;

/** The bytes of an entry, without the padding that may come before the next. */
export function encodeEntryV1(e: SyncEntry): Uint8Array {
  const v6 = e.caddr.family === AF_INET6;
  const fixed = v6 ? ENTRY_V1_IPV6 : ENTRY_V1;
  const options =
    (e.inSeq === undefined ? 0 : SEQ_DATA + 2) +
    (e.peData === undefined ? 0 : e.peData.length + 2) +
    (e.peName === undefined ? 0 : e.peName.length + 2);
  const bytes = new Uint8Array(fixed + options);
  const v = new DataView(bytes.buffer);
  v.setUint8(0, v6 ? TYPE_INET6 : 0);
  v.setUint8(1, e.protocol);
  v.setUint16(2, bytes.length);
  v.setUint32(4, e.flags);
  v.setUint16(8, e.state);
  v.setUint16(10, e.cport);
  v.setUint16(12, e.vport);
  v.setUint16(14, e.dport);
  v.setUint32(16, e.fwmark);
  v.setUint32(20, e.timeout);
  let at = ADDRESSES;
  for (const addr of [e.caddr, e.vaddr, e.daddr]) {
    const part = inetBytes(addr);
    bytes.set(part, at);
    at += part.length;
  }
  if (e.inSeq !== undefined) {
    bytes.set([OPT_SEQ_DATA, SEQ_DATA], at);
    writeSeq(v, at + 2, e.inSeq, false);
    writeSeq(v, at + 14, e.outSeq, false);
    at += SEQ_DATA + 2;
  }
  at = writeText(bytes, at, OPT_PE_DATA, e.peData);
  writeText(bytes, at, OPT_PE_NAME, e.peName);
  return bytes;
}

function writeText(bytes: Uint8Array, at: number, type: number, text: Uint8Array | undefined): number {
  if (text === undefined) return at;
  bytes.set([type, text.length], at);
  bytes.set(text, at + 2);
  return at + 2 + text.length;
}

/** Length of the entry at `at` as it says itself, options included; -1 when it is of an unknown version. */
export function entryLengthV1(v: DataView, at: number): number {
  const word = v.getUint16(at + 2);
  return word >>> VERSION_SHIFT === 0 ? word & LENGTH_MASK : -1;
}

/**
 * Takes one entry apart (`ip_vs_proc_sync_conn`).
 * @param bytes the entry and nothing else; the bytes of its fixed part may be missing.
 * @returns `skip` to go on with the next one, `stop` when nothing behind it can be trusted.
 */
export function decodeEntryV1(bytes: Uint8Array): SyncEntry | 'skip' | 'stop' {
  if (bytes.length < ENTRY_V1) return 'stop';
  const type = bytes[0]!;
  const v6 = (type & TYPE_INET6) !== 0;
  if (!v6 && type !== 0) return 'stop';
  const fixed = v6 ? ENTRY_V1_IPV6 : ENTRY_V1;
  if (bytes.length < fixed) return 'stop';
  const options = decodeOptions(bytes, fixed);
  if (options === 'skip' || options === 'stop') return options;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family: Family = v6 ? AF_INET6 : AF_INET;
  const size = v6 ? 16 : 4;
  return {
    protocol: v.getUint8(1),
    flags: v.getUint32(4),
    state: v.getUint16(8),
    caddr: inetFromBytes(family, bytes, ADDRESSES),
    vaddr: inetFromBytes(family, bytes, ADDRESSES + size),
    daddr: inetFromBytes(family, bytes, ADDRESSES + 2 * size),
    cport: v.getUint16(10),
    vport: v.getUint16(12),
    dport: v.getUint16(14),
    fwmark: v.getUint32(16),
    timeout: v.getUint32(20),
    ...options,
  };
}

interface Options {
  inSeq?: SyncSeq;
  outSeq?: SyncSeq;
  peData?: Uint8Array;
  peName?: Uint8Array;
}

/** The options from `at` on: type, length, data. */
function decodeOptions(bytes: Uint8Array, start: number): Options | 'skip' | 'stop' {
  const found: Options = {};
  for (let at = start; at < bytes.length; ) {
    if (at + 2 > bytes.length) return 'stop';
    const type = bytes[at]!;
    const length = bytes[at + 1]!;
    at += 2;
    if (length === 0 || at + length > bytes.length) return 'stop';
    const data = bytes.subarray(at, at + length);
    at += length;
    switch (type & ~OPT_PARAM) {
      case OPT_SEQ_DATA: {
        if (length !== SEQ_DATA || found.inSeq !== undefined) return 'stop';
        const v = new DataView(data.buffer, data.byteOffset, data.byteLength);
        found.inSeq = readSeq(v, 0, false);
        found.outSeq = readSeq(v, 12, false);
        break;
      }
      case OPT_PE_DATA:
        if (found.peData !== undefined) return 'stop';
        found.peData = data.slice();
        break;
      case OPT_PE_NAME:
        if (length > PE_NAME_MAX || found.peName !== undefined) return 'stop';
        found.peName = data.slice();
        break;
      default:
        if ((type & OPT_PARAM) === 0) return 'skip';
    }
  }
  return found;
}
