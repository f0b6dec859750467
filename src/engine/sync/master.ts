/** The master's side: connections become messages, which wait for their thread to send them (`ip_vs_sync_conn`, `sync_thread_master`). */
import { AF_INET6, inetFromWords } from '../../wire/inet.js';
import {
  C_CADDR,
  C_CONTROL,
  C_DADDR,
  C_FLAGS,
  C_FWMARK,
  C_INPKTS,
  C_STATE,
  C_TIMEOUT,
  C_VADDR,
  HOT_SHIFT,
  NO_CONN,
} from '../conn-table.js';
import {
  CONN_F_APP,
  CONN_F_CARRIED,
  CONN_F_HASHED,
  CONN_F_NOT_CARRIED,
  CONN_F_ONE_PACKET,
  CONN_F_SEQ_MASK,
  CONN_F_TEMPLATE,
} from '../flags.js';
import type { SyncSender } from '../host.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { SyncBuffer } from './buffer.js';
import { encodeEntryV0 } from './entry-v0.js';
import { encodeEntryV1 } from './entry-v1.js';
import type { SyncEntry } from './message.js';
import { syncNeeded } from './needed.js';

/** Messages after which their thread is woken (`IPVS_SYNC_WAKEUP_RATE`). */
const WAKEUP_RATE = 8;
/** Seconds: until the thread is woken for fewer, between two looks of an idle thread, and that an open message may wait. */
const SEND_DELAY = 0.02;
const CHECK_PERIOD = 1;
const FLUSH_TIME = 2;
/** What is not told: our own bits. */
const UNTOLD = CONN_F_HASHED | CONN_F_APP | CONN_F_CARRIED | CONN_F_NOT_CARRIED;

/** One thread of the master (`struct ipvs_master_sync_state`). */
export class MasterThread {
  readonly id: number;
  readonly sender: SyncSender;
  /** The message that is being filled (`sync_buff`). */
  open: SyncBuffer | undefined = undefined;
  /** Full messages (`sync_queue`). */
  readonly queue: SyncBuffer[] = [];
  /** Messages queued since the thread was last woken (`sync_queue_delay`). */
  queueDelay = 0;
  /** The message that the socket had no room for. */
  unsent: Uint8Array | undefined = undefined;

  constructor(id: number, sender: SyncSender) {
    this.id = id;
    this.sender = sender;
  }
}

/**
 * Tells the backups of a connection, if it is time, and of what controls it. To be called only while a master runs.
 * @param pkts packets of the connection so far.
 * @param now jiffies.
 */
export function syncConn(ipvs: NetnsIpvs, c: number, pkts: number, now = ipvs.net.jiffies): void {
  const hot = ipvs.conns.hot;
  const v0 = ipvs.sysctls.values.sync_version === 0;
  for (let at = c; ; ) {
    const h = at << HOT_SHIFT;
    const told = tell(ipvs, at, pkts, v0, now);
    if (!told && v0) return;
    at = hot[h + C_CONTROL]! - 1;
    if (at === NO_CONN) return;
    const control = at << HOT_SHIFT;
    pkts =
      (hot[control + C_FLAGS]! & CONN_F_TEMPLATE) !== 0
        ? ++hot[control + C_INPKTS]!
        : ipvs.sysctls.values.sync_threshold;
  }
}

/** @returns false when it was not told. */
function tell(ipvs: NetnsIpvs, c: number, pkts: number, v0: boolean, now: number): boolean {
  const flags = ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
  if (v0 && ipvs.conns.family(c) === AF_INET6) return false;
  if ((flags & CONN_F_ONE_PACKET) !== 0 || !syncNeeded(ipvs, c, pkts, now)) return false;
  const { ms, mcfg } = ipvs;
  // any spread does that keeps a connection's messages in order
  const thread = ms![c & (ms!.length - 1)]!;
  const entry = entryOf(ipvs, c);
  const bytes = v0 ? encodeEntryV0(entry) : encodeEntryV1(entry);
  const version = v0 ? 0 : 1;
  if (thread.open !== undefined && (thread.open.version !== version || !thread.open.append(bytes))) {
    queueOpen(ipvs, thread);
  } else if (thread.open !== undefined) {
    return true;
  }
  thread.open = new SyncBuffer(version, mcfg!.syncid, mcfg!.maxlen, bytes, now);
  return true;
}

/** What there is to say about a connection. */
function entryOf(ipvs: NetnsIpvs, c: number): SyncEntry {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  const flags = t.hot[h + C_FLAGS]! & ~UNTOLD;
  const words = new Int32Array(4);
  const addr = (which: number) => {
    t.addr(c, which, words);
    return inetFromWords(t.family(c), words);
  };
  const found = ipvs.peData.get(c);
  const seq = (flags & CONN_F_SEQ_MASK) !== 0 ? (ipvs.appConns.get(c) ?? ipvs.syncSeq.get(c)) : undefined;
  return {
    protocol: t.protocol(c),
    flags,
    state: t.hot[h + C_STATE]! & 0xffff,
    caddr: addr(C_CADDR),
    vaddr: addr(C_VADDR),
    daddr: addr(C_DADDR),
    cport: t.cport(c),
    vport: t.vport(c),
    dport: t.dport(c),
    fwmark: t.hot[h + C_FWMARK]!,
    timeout: Math.floor(t.hot[h + C_TIMEOUT]! / ipvs.net.hz),
    ...(seq !== undefined && { inSeq: seq.inSeq, outSeq: seq.outSeq }),
    ...(found !== undefined && { peData: found.data, peName: latin1Bytes(found.pe.name) }),
  };
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Queues the open message for the thread, or throws it away when too many wait (`sb_queue_tail`). */
function queueOpen(ipvs: NetnsIpvs, thread: MasterThread): void {
  const buffer = thread.open!;
  thread.open = undefined;
  if (thread.queue.length >= ipvs.sysctls.values.sync_qlen_max) {
    ipvs.sync.discarded++;
    return;
  }
  if (thread.queue.length === 0) ipvs.net.armSyncWakeup(thread.id, Math.max(1, SEND_DELAY * ipvs.net.hz));
  thread.queue.push(buffer);
  if (++thread.queueDelay === WAKEUP_RATE) runMaster(ipvs, thread);
}

/** The timer that wakes a thread for few messages has fired (`master_wakeup_work_handler`). */
export function wakeMaster(ipvs: NetnsIpvs, id: number): void {
  const thread = ipvs.ms?.[id];
  if (thread === undefined || thread.queue.length === 0 || thread.queueDelay >= WAKEUP_RATE) return;
  thread.queueDelay = WAKEUP_RATE;
  runMaster(ipvs, thread);
}

/** A thread's own timer has fired. */
export function checkMaster(ipvs: NetnsIpvs, id: number): void {
  const thread = ipvs.ms?.[id];
  if (thread !== undefined) runMaster(ipvs, thread);
}

/** Lets a thread send what it has until there is no more, or its socket takes no more. */
function runMaster(ipvs: NetnsIpvs, thread: MasterThread): void {
  for (;;) {
    thread.unsent ??= nextMessage(ipvs, thread);
    if (thread.unsent === undefined) {
      ipvs.net.armSyncCheck(thread.id, CHECK_PERIOD * ipvs.net.hz);
      return;
    }
    if (!thread.sender.send(thread.unsent)) {
      // nobody tells when there is room again
      ipvs.net.armSyncCheck(thread.id, 1);
      return;
    }
    ipvs.sync.sent++;
    ipvs.sync.sentBytes += thread.unsent.length;
    thread.unsent = undefined;
  }
}

/** The oldest queued message, or the open one when it is old enough (`next_sync_buff`). */
function nextMessage(ipvs: NetnsIpvs, thread: MasterThread): Uint8Array | undefined {
  const queued = thread.queue.shift();
  if (queued !== undefined) {
    if (thread.queue.length === 0) thread.queueDelay = 0;
    return queued.message();
  }
  const { open } = thread;
  if (open === undefined || ((ipvs.net.jiffies - open.firstUse) | 0) < FLUSH_TIME * ipvs.net.hz)
    return undefined;
  thread.open = undefined;
  return open.message();
}

/** Begins the round of a new thread. */
export function startMaster(ipvs: NetnsIpvs, thread: MasterThread): void {
  runMaster(ipvs, thread);
}
