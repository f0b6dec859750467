/** The backup's side: what messages tell becomes connections (`ip_vs_process_message`, `ip_vs_proc_conn`). */
import { type InetAddr, inetEqual, inetFromWords } from '../../wire/inet.js';
import { connExpireNow, connNew, connPut, destOf } from '../conn.js';
import {
  C_DADDR,
  C_FLAGS,
  C_INPKTS,
  C_STATE,
  C_TIMEOUT,
  type ConnKey,
  HOT_SHIFT,
  NO_CONN,
} from '../conn-table.js';
import {
  CONN_F_BACKUP_MASK,
  CONN_F_BACKUP_UPD_MASK,
  CONN_F_CARRIED,
  CONN_F_HASHED,
  CONN_F_INACTIVE,
  CONN_F_SYNC,
  CONN_F_TEMPLATE,
  IPPROTO_IP,
} from '../flags.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { type PeData, persistenceEngines, samePeData } from '../persistence-engine.js';
import { findSyncDest, tryBindDest } from './bind-dest.js';
import { decodeMessage, type SyncEntry } from './message.js';

/** Seconds that a template lives when nobody has said how long. */
const TEMPLATE_TIMEOUT = 180;
/** No connection lives longer: 248 days at 100 jiffies a second. */
const MOST_JIFFIES = 0x7fff_ffff;
/** Milliseconds after which listings begin anew. */
const TURN = 2 ** 32;

/** A datagram came from a master. @param bytes is only read while this runs. */
export function processMessage(ipvs: NetnsIpvs, bytes: Uint8Array): void {
  const { bcfg } = ipvs;
  if (bcfg === undefined) return;
  // what was carried came before it
  ipvs.fastPath?.replay(ipvs.net.jiffies);
  // what the buffer does not hold is lost, and the length found wrong
  const message = decodeMessage(bytes.subarray(0, bcfg.maxlen), bcfg.syncid);
  ipvs.sync.received++;
  if (message === undefined) {
    ipvs.sync.malformed++;
    return;
  }
  // version 0 may bring one-packet connections, which are gone at once
  const mask = message.version === 0 ? ~CONN_F_HASHED : CONN_F_BACKUP_MASK;
  for (const entry of message.entries)
    processEntry(ipvs, { ...entry, flags: (entry.flags & mask) | CONN_F_SYNC });
}

function processEntry(ipvs: NetnsIpvs, entry: SyncEntry): void {
  if ((entry.flags & CONN_F_TEMPLATE) === 0) {
    const pp = ipvs.protoData[entry.protocol]?.pp;
    if (pp === undefined || entry.state >= pp.numStates) return;
  }
  const found = peOf(entry);
  if (found !== null) apply(ipvs, entry, found);
}

/** What a persistence engine has found, undefined when there was none, null when it cannot be used here. */
function peOf({ peData, peName }: SyncEntry): PeData | undefined | null {
  if (peData === undefined) return undefined;
  const name = String.fromCharCode(...(peName ?? [])).split('\0')[0];
  const pe = persistenceEngines.find((engine) => engine.name === name);
  return pe === undefined ? null : { pe, data: peData };
}

function apply(ipvs: NetnsIpvs, e: SyncEntry, pe: PeData | undefined): void {
  const t = ipvs.conns;
  const key: ConnKey = {
    family: e.caddr.family,
    protocol: e.protocol,
    caddr: e.caddr.words,
    cport: e.cport,
    vaddr: e.protocol === IPPROTO_IP ? markOf(e.vaddr) : e.vaddr.words,
    vport: e.vport,
  };
  const template = (e.flags & CONN_F_TEMPLATE) !== 0;
  // what an engine has found is looked for where only templates are
  let c = template ? findTemplate(ipvs, key, pe) : pe === undefined ? findConn(ipvs, key) : NO_CONN;
  if (c !== NO_CONN && !template && !hasDest(ipvs, c, e)) {
    // its end is told of a connection that another one has replaced
    if ((e.flags & CONN_F_INACTIVE) !== 0) return;
    connExpireNow(ipvs, c);
    c = NO_CONN;
  }
  if (c !== NO_CONN) {
    // its packets are counted anew, and it may be another one's state that they meet
    if ((t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) !== 0) ipvs.fastPath!.withdraw(c);
    update(ipvs, c, e.flags);
  } else {
    c = connNew(ipvs, key, key.family, e.daddr.words, e.dport, e.flags, findSyncDest(ipvs, e), e.fwmark);
    if (c === NO_CONN) return;
    if (template && pe !== undefined) ipvs.peData.set(c, pe);
  }
  if (e.inSeq !== undefined && e.outSeq !== undefined) {
    const seq = ipvs.appConns.get(c);
    if (seq === undefined) ipvs.syncSeq.set(c, { inSeq: e.inSeq, outSeq: e.outSeq });
    else {
      Object.assign(seq.inSeq, e.inSeq);
      Object.assign(seq.outSeq, e.outSeq);
    }
  }
  const h = c << HOT_SHIFT;
  t.hot[h + C_INPKTS] = ipvs.sysctls.values.sync_threshold;
  t.hot[h + C_STATE] = (e.state << 16) | e.state;
  t.hot[h + C_TIMEOUT] = timeoutOf(ipvs, e, (t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0);
  connPut(ipvs, c);
}

/** Protocol 0 is that of fwmark services, whose templates have the mark instead of an address: of that the first word counts. */
function markOf(vaddr: InetAddr): Int32Array {
  return Int32Array.of(vaddr.words[0]!, 0, 0, 0);
}

/** As the packet of a client is looked up: one for a connection whose client port is not known yet finds that. */
function findConn(ipvs: NetnsIpvs, key: ConnKey): number {
  const c = ipvs.conns.findIn(key);
  return c === NO_CONN && ipvs.conns.noCport > 0 ? ipvs.conns.findIn({ ...key, cport: 0 }) : c;
}

function findTemplate(ipvs: NetnsIpvs, key: ConnKey, pe: PeData | undefined): number {
  return ipvs.conns.findTemplate(key, (c) => {
    const known = ipvs.peData.get(c);
    if (pe === undefined || known === undefined) return pe === known;
    return known.pe === pe.pe && samePeData(known.data, pe.data);
  });
}

function hasDest(ipvs: NetnsIpvs, c: number, e: SyncEntry): boolean {
  const words = new Int32Array(4);
  ipvs.conns.addr(c, C_DADDR, words);
  return (
    ipvs.conns.dport(c) === e.dport && inetEqual(inetFromWords(ipvs.conns.destFamily(c), words), e.daddr)
  );
}

/** Brings a connection that is known up to date: it keeps its method and its origin. */
function update(ipvs: NetnsIpvs, c: number, told: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  const flags = hot[h + C_FLAGS]!;
  const dest = destOf(ipvs, c);
  // a template with a client's port, which only a message can make, may be taken for a connection: the kernel counts it as one from then on
  if (dest !== null && ((flags ^ told) & CONN_F_INACTIVE) !== 0 && ((flags | told) & CONN_F_TEMPLATE) === 0) {
    dest.activeconns += (told & CONN_F_INACTIVE) !== 0 ? -1 : 1;
  }
  hot[h + C_FLAGS] = (told & CONN_F_BACKUP_UPD_MASK) | (flags & ~CONN_F_BACKUP_UPD_MASK);
  if (dest === null) tryBindDest(ipvs, c);
}

function timeoutOf(ipvs: NetnsIpvs, e: SyncEntry, template: boolean): number {
  const { hz } = ipvs.net;
  if (e.timeout !== 0) return toJiffies(e.timeout, hz);
  if (template) return TEMPLATE_TIMEOUT * hz;
  return ipvs.protoData[e.protocol]!.timeoutTable[e.state] ?? TEMPLATE_TIMEOUT * hz;
}

/** Jiffies for seconds. Of what would be too many, as many turns are left out as it takes, so that listings show what the kernel's do. */
function toJiffies(seconds: number, hz: number): number {
  const turn = (TURN * hz) / 1000;
  const excess = Math.max(0, seconds * hz - MOST_JIFFIES);
  return Math.floor(seconds * hz - Math.ceil(excess / turn) * turn);
}
