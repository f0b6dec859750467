/** The header of a sync message, both versions, and what an entry says (`ip_vs_sync.c`). Nothing here knows of the connection table. */
import type { InetAddr } from '../../wire/inet.js';
import { CONN_F_SEQ_MASK } from '../flags.js';
import { decodeEntryV0, ENTRY_V0, ENTRY_V0_FULL } from './entry-v0.js';
import { decodeEntryV1, ENTRY_V1, entryLengthV1 } from './entry-v1.js';

/** Numbers of one direction of a stream that changed its length (`struct ip_vs_seq`). */
export interface SyncSeq {
  readonly initSeq: number;
  readonly delta: number;
  readonly previousDelta: number;
}

/** One connection or template as a message tells it. */
export interface SyncEntry {
  /** IP protocol; 0 for the template of a fwmark service. */
  readonly protocol: number;
  /** `CONN_F_*`: 16 bits in version 0, 32 in version 1. */
  readonly flags: number;
  readonly state: number;
  /** Client, virtual and dest address; one family. */
  readonly caddr: InetAddr;
  readonly vaddr: InetAddr;
  readonly daddr: InetAddr;
  readonly cport: number;
  readonly vport: number;
  readonly dport: number;
  /** Always 0 in version 0. */
  readonly fwmark: number;
  /** Seconds; 0, always so in version 0, leaves it to the receiver. */
  readonly timeout: number;
  /** Numbers of the client's and the server's direction, where payload has changed its length. */
  readonly inSeq?: SyncSeq;
  readonly outSeq?: SyncSeq;
  /** What a persistence engine has found, and its name: at most 255 and 16 bytes, version 1 only. */
  readonly peData?: Uint8Array;
  readonly peName?: Uint8Array;
}

/** A message that was taken apart. */
export interface SyncMessage {
  readonly version: 0 | 1;
  readonly entries: readonly SyncEntry[];
}

/** Bytes of the headers. */
export const HEADER_V0 = 4;
export const HEADER_V1 = 8;

/** Writes the header of a message of `size` bytes with `count` entries, of which it has room for eight bits. */
export function writeHeader(
  view: DataView,
  version: number,
  syncid: number,
  size: number,
  count: number,
): void {
  view.setUint8(1, syncid);
  view.setUint16(2, size);
  if (version === 0) {
    view.setUint8(0, count);
    return;
  }
  view.setUint8(0, 0);
  view.setUint8(4, count);
  view.setInt8(5, 1);
  view.setUint16(6, 0);
}

/**
 * Takes a datagram apart (`ip_vs_process_message`). What comes before the first entry that cannot be is used, what comes after it is not.
 * @param syncid the only one that is ours; 0 takes any.
 * @returns undefined when the datagram is no message for us.
 */
export function decodeMessage(bytes: Uint8Array, syncid: number): SyncMessage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_V0 || view.getUint16(2) !== bytes.length) return undefined;
  if (syncid !== 0 && view.getUint8(1) !== syncid) return undefined;
  if (
    bytes.length >= HEADER_V1 &&
    view.getUint8(0) === 0 &&
    view.getInt8(5) === 1 &&
    view.getUint16(6) === 0
  ) {
    return { version: 1, entries: decodeV1(bytes, view) };
  }
  return { version: 0, entries: decodeV0(view) };
}

function decodeV0(view: DataView): SyncEntry[] {
  const entries: SyncEntry[] = [];
  let at = HEADER_V0;
  for (let left = view.getUint8(0); left > 0; left--) {
    if (at + ENTRY_V0 > view.byteLength) break;
    const entry = decodeEntryV0(view, at);
    if (entry === undefined) break;
    entries.push(entry);
    at += (entry.flags & CONN_F_SEQ_MASK) !== 0 ? ENTRY_V0_FULL : ENTRY_V0;
  }
  return entries;
}

function decodeV1(bytes: Uint8Array, view: DataView): SyncEntry[] {
  const entries: SyncEntry[] = [];
  let at = HEADER_V1;
  for (let left = view.getUint8(4); left > 0; left--) {
    if (at + ENTRY_V1 > bytes.length) break;
    const length = entryLengthV1(view, at);
    if (length < 0 || at + length > bytes.length) break;
    const entry = decodeEntryV1(bytes.subarray(at, at + length));
    if (entry === 'stop') break;
    if (entry !== 'skip') entries.push(entry);
    at += (length + 3) & ~3;
  }
  return entries;
}
