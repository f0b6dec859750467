/** Connections written down, and made again of what was written: by an engine that takes the place of another one. */
import { IpvsError } from '../../errors.js';
import { controlAdd } from '../conn.js';
import {
  C_CONTROL,
  C_DEST,
  C_DPORT,
  C_EXPIRES,
  C_FLAGS,
  C_NCONTROL,
  C_STATE,
  C_TIMEOUT,
  CONN_LIMIT_MAX,
  CONN_WORDS,
  ConnTable,
  HOT_SHIFT,
  NO_CONN,
} from '../conn-table.js';
import type { Dest } from '../dest.js';
import {
  CONN_F_APP,
  CONN_F_CARRIED,
  CONN_F_HASHED,
  CONN_F_INACTIVE,
  CONN_F_NO_CPORT,
  CONN_F_NOT_CARRIED,
  CONN_F_TEMPLATE,
  IPPROTO_IP,
} from '../flags.js';
import type { NetnsIpvs } from '../netns-ipvs.js';

/** The two low bits of a time that was told to the backups are something else. */
const SYNC_BITS = 3;

/** Writes the connections of an engine down in parts, between which the engine may go on: each is as it is when its part is written. */
export class ConnWriter {
  readonly #ipvs: NetnsIpvs;
  readonly #settle: boolean;
  #next = 0;

  /** @param settle also those that the fast path carries are as they are now; else, as they were when the engine last saw them. */
  constructor(ipvs: NetnsIpvs, settle: boolean) {
    this.#ipvs = ipvs;
    this.#settle = settle;
  }

  /** Fills `out`, which has `CONN_WORDS` words or more. @returns how many words are written: 0 at the end. */
  write(out: Int32Array): number {
    const { conns, fastPath } = this.#ipvs;
    let at = 0;
    for (; this.#next < conns.highWater && at + CONN_WORDS <= out.length; this.#next++) {
      const c = this.#next;
      if (!conns.isUsed(c)) continue;
      if (this.#settle && (conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) !== 0)
        fastPath?.settle(c);
      at = conns.write(c, out, at);
    }
    return at;
  }
}

/** What becomes of the numbers in what was written. */
export interface ConnContext {
  /** Added to jiffies: those of this engine, less those of the other one at the same moment. */
  readonly shift: number;
  /** The dest that had this number, or undefined. */
  dest(index: number): Dest | undefined;
}

/**
 * Makes connections of what {@link ConnWriter} has written. Those that have ended in the meantime end with the next tick; those that the table has no
 * room for are left out.
 * @returns by the places that they had, those that they have; `NO_CONN` for none.
 * @throws BAD_STATE when it cannot be what was written; nothing is changed then.
 */
export function restoreConns(ipvs: NetnsIpvs, words: Int32Array, context: ConnContext): Int32Array {
  const places = new Int32Array(check(words)).fill(NO_CONN);
  const holes: number[] = [];
  for (let at = 0; at < words.length; at += ConnTable.wordsAt(words, at)) {
    if (!isKnown(ipvs, words, at)) continue;
    // they have the places that they had, where that can be: the fast path knows them by these
    while (ipvs.conns.highWater < ConnTable.placeAt(words, at)) {
      const hole = ipvs.conns.alloc();
      if (hole === NO_CONN) break;
      holes.push(hole);
    }
    const c = ipvs.conns.read(words, at);
    if (c === NO_CONN) {
      ipvs.connRefused++;
      continue;
    }
    places[ConnTable.placeAt(words, at)] = c;
    revive(ipvs, c, context);
  }
  for (const hole of holes.reverse()) ipvs.conns.release(hole);
  for (let at = 0; at < words.length; at += ConnTable.wordsAt(words, at)) {
    const c = places[ConnTable.placeAt(words, at)]!;
    const control = places[words[at + C_CONTROL]! - 1] ?? NO_CONN;
    if (c !== NO_CONN && control !== NO_CONN && control !== c) controlAdd(ipvs, c, control);
  }
  return places;
}

/** There is its protocol here, and its state. Templates of marks have no protocol, and no template has a protocol's state. */
function isKnown(ipvs: NetnsIpvs, words: Int32Array, at: number): boolean {
  const protocol = (words[at + C_DPORT]! >>> 8) & 255;
  const pp = ipvs.protoData[protocol]?.pp;
  if ((words[at + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) return pp !== undefined || protocol === IPPROTO_IP;
  return pp !== undefined && (words[at + C_STATE]! & 0xff) < pp.numStates;
}

/** @returns how many places there were. */
function check(words: Int32Array): number {
  let places = 0;
  let at = 0;
  while (at < words.length) {
    const place = ConnTable.placeAt(words, at);
    if (place > CONN_LIMIT_MAX || at + C_DPORT >= words.length) break;
    places = Math.max(places, place + 1);
    at += ConnTable.wordsAt(words, at);
  }
  if (at !== words.length) throw new IpvsError('BAD_STATE', `no connection at word ${at}`);
  return places;
}

/** Counts it, hashes it and starts its timer, as if it had always been here. */
function revive(ipvs: NetnsIpvs, c: number, { shift, dest: destOf }: ConnContext): void {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  const { hot } = t;
  const app = (hot[h + C_FLAGS]! & CONN_F_APP) !== 0;
  const flags = hot[h + C_FLAGS]! & ~(CONN_F_HASHED | CONN_F_CARRIED | CONN_F_NOT_CARRIED | CONN_F_APP);
  hot[h + C_FLAGS] = flags;
  hot[h + C_CONTROL] = 0;
  hot[h + C_NCONTROL] = 0;
  const told = t.syncEndtime(c);
  if (told !== 0) t.setSyncEndtime(c, (((told + shift) | 0) & ~SYNC_BITS) | (told & SYNC_BITS));
  if ((flags & CONN_F_NO_CPORT) !== 0) t.noCport++;
  const dest = destOf(hot[h + C_DEST]! - 1);
  hot[h + C_DEST] = 0;
  if (dest !== undefined) bind(ipvs, c, dest);
  if (app) {
    const pd = ipvs.protoData[t.protocol(c)]!;
    pd.pp.appConnBind?.(ipvs, c, pd);
  }
  t.hash(c);
  const expires = (hot[h + C_EXPIRES]! + shift) | 0;
  hot[h + C_EXPIRES] = expires;
  ipvs.connTimers.set(c, expires, (expires - hot[h + C_TIMEOUT]!) | 0);
}

/** The dest counts it; what it once gave the connection, that has. */
function bind(ipvs: NetnsIpvs, c: number, dest: Dest): void {
  const { hot } = ipvs.conns;
  const h = c << HOT_SHIFT;
  hot[h + C_DEST] = dest.index + 1;
  dest.refcnt++;
  const flags = hot[h + C_FLAGS]!;
  if ((flags & CONN_F_TEMPLATE) !== 0) {
    dest.persistconns++;
    return;
  }
  if ((flags & CONN_F_INACTIVE) === 0) dest.activeconns++;
  dest.totalconns++;
}
