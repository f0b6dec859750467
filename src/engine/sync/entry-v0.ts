/** An entry of a version 0 message (`struct ip_vs_sync_conn_v0`): IPv4 only. */
import { inet4 } from '../../wire/inet.js';
import { CONN_F_SEQ_MASK } from '../flags.js';
import type { SyncEntry, SyncSeq } from './message.js';

/** Bytes of an entry, without and with sequence numbers. */
export const ENTRY_V0 = 24;
export const ENTRY_V0_FULL = 48;

/** The kernel copies these numbers as they lie in its memory: this is the order of x86 and ARM. */
const HOST_ORDER = true;

/** The bytes of an entry. Of the flags 16 bits travel, and neither mark nor timeout nor what a persistence engine has found. */
export function encodeEntryV0(e: SyncEntry): Uint8Array {
  const full = (e.flags & CONN_F_SEQ_MASK) !== 0;
  const bytes = new Uint8Array(full ? ENTRY_V0_FULL : ENTRY_V0);
  const v = new DataView(bytes.buffer);
  v.setUint8(1, e.protocol);
  v.setUint16(2, e.cport);
  v.setUint16(4, e.vport);
  v.setUint16(6, e.dport);
  v.setInt32(8, e.caddr.words[0]!);
  v.setInt32(12, e.vaddr.words[0]!);
  v.setInt32(16, e.daddr.words[0]!);
  v.setUint16(20, e.flags);
  v.setUint16(22, e.state);
  if (full) {
    writeSeq(v, ENTRY_V0, e.inSeq, HOST_ORDER);
    writeSeq(v, ENTRY_V0 + 12, e.outSeq, HOST_ORDER);
  }
  return bytes;
}

/** The entry at `at`, whose first `ENTRY_V0` bytes are there; undefined when the sequence numbers that it should have are not. */
export function decodeEntryV0(v: DataView, at: number): SyncEntry | undefined {
  const flags = v.getUint16(at + 20);
  const full = (flags & CONN_F_SEQ_MASK) !== 0;
  if (full && at + ENTRY_V0_FULL > v.byteLength) return undefined;
  return {
    protocol: v.getUint8(at + 1),
    flags,
    state: v.getUint16(at + 22),
    caddr: inet4(v.getInt32(at + 8)),
    vaddr: inet4(v.getInt32(at + 12)),
    daddr: inet4(v.getInt32(at + 16)),
    cport: v.getUint16(at + 2),
    vport: v.getUint16(at + 4),
    dport: v.getUint16(at + 6),
    fwmark: 0,
    timeout: 0,
    ...(full && {
      inSeq: readSeq(v, at + ENTRY_V0, HOST_ORDER),
      outSeq: readSeq(v, at + ENTRY_V0 + 12, HOST_ORDER),
    }),
  };
}

/** Writes three 32-bit numbers; zeroes when there are none. */
export function writeSeq(v: DataView, at: number, seq: SyncSeq | undefined, littleEndian: boolean): void {
  v.setUint32(at, seq?.initSeq ?? 0, littleEndian);
  v.setUint32(at + 4, seq?.delta ?? 0, littleEndian);
  v.setUint32(at + 8, seq?.previousDelta ?? 0, littleEndian);
}

/** Reads what {@link writeSeq} writes; unsigned. */
export function readSeq(v: DataView, at: number, littleEndian: boolean): SyncSeq {
  return {
    initSeq: v.getUint32(at, littleEndian),
    delta: v.getUint32(at + 4, littleEndian),
    previousDelta: v.getUint32(at + 8, littleEndian),
  };
}
