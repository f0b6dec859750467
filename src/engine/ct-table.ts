/** The connections that tracking knows, by what their packets look like (`nf_conntrack_hash`). */
import { AF_INET, type Family } from '../wire/inet.js';
import type { TcpTrack } from './ct-tcp.js';
import { SeqAdj } from './seq.js';

/** Connections at most, as a kernel with a little memory has it (`nf_conntrack_max`). Packets of further ones are dropped. */
const CT_MAX = 1 << 18;
/** What has ended is looked for when so many are known, and again when they have doubled. */
const PURGE_LEAST = 1024;
/** Seconds that one which has ended, and of which no packet comes, is still in the way of others: half of the time between two looks for such. */
const LINGER = 30;

/** Addresses and ports of the packets of one direction (`struct nf_conntrack_tuple`, TCP). */
export interface CtTuple {
  family: Family;
  /** Network words, four for IPv6. */
  readonly src: Int32Array;
  readonly dst: Int32Array;
  /** Source port << 16 | destination port. */
  ports: number;
}

/** Index of the direction of the first packet (`IP_CT_DIR_ORIGINAL`), */
export const CT_ORIGINAL = 0;
/** and of the other one. */
export const CT_REPLY = 1;

/** One tracked connection (`struct nf_conn`). */
export class Conntrack {
  readonly track: TcpTrack;
  /** What the packets of both directions look like when they come in. */
  readonly tuples: readonly [CtTuple, CtTuple];
  /** Change of length of what either side sends, where an application may change it (`struct nf_conn_seqadj`). */
  seqadj: readonly [SeqAdj, SeqAdj] | undefined = undefined;
  /** It is in the table: a packet has left with it (`IPS_CONFIRMED`). */
  confirmed = false;
  /** Forgotten (`IPS_DYING`). */
  dying = false;

  /** Its first packet came from `src` to `dst`; until somebody knows better, the answers come from there. */
  constructor(track: TcpTrack, family: Family, src: Int32Array, dst: Int32Array, ports: number) {
    this.track = track;
    this.tuples = [
      { family, src: src.slice(), dst: dst.slice(), ports },
      { family, src: dst.slice(), dst: src.slice(), ports: (ports << 16) | (ports >>> 16) },
    ];
  }

  /** From now on an application may change the length of what is sent (`nfct_seqadj_ext_add`). */
  addSeqadj(): void {
    this.seqadj ??= [new SeqAdj(), new SeqAdj()];
  }
}

interface Node {
  readonly ct: Conntrack;
  readonly direction: number;
  next: Node | undefined;
}

/** Finds connections by the tuples of both directions. */
export class CtTable {
  /** Direction of the packet that was looked up last. */
  direction = CT_ORIGINAL;
  private readonly chains = new Map<number, Node>();
  private readonly all = new Set<Conntrack>();
  private readonly linger: number;
  private purgeAt = PURGE_LEAST;

  /** @param hz jiffies a second. */
  constructor(hz: number) {
    this.linger = LINGER * hz;
  }

  /** No connection is known. */
  get empty(): boolean {
    return this.all.size === 0;
  }

  /** The connections that have not ended at `now` (jiffies). */
  live(now: number): Conntrack[] {
    return [...this.all].filter((ct) => !ended(ct, now));
  }

  /** The connection of a packet, with its `direction`, or undefined. */
  find(family: Family, src: Int32Array, dst: Int32Array, ports: number, now: number): Conntrack | undefined {
    const ct = this.peek(family, src, dst, ports);
    if (ct === undefined || !ended(ct, now)) return ct;
    this.remove(ct);
    return undefined;
  }

  /** As {@link find}; it may have ended, and is left as it is. */
  peek(family: Family, src: Int32Array, dst: Int32Array, ports: number): Conntrack | undefined {
    if (this.all.size === 0) return undefined;
    for (let node = this.chains.get(hash(family, src, dst, ports)); node !== undefined; node = node.next) {
      if (!matches(node.ct.tuples[node.direction]!, family, src, dst, ports)) continue;
      this.direction = node.direction;
      return node.ct;
    }
    return undefined;
  }

  /** Takes a connection in; false when packets of it would be taken for those of another one, or when there are too many. */
  insert(ct: Conntrack, now: number): boolean {
    if (ct.tuples.some((tuple) => this.isTaken(tuple, now))) return false;
    if (this.all.size >= this.purgeAt) this.purge(now);
    if (this.all.size >= CT_MAX) return false;
    ct.confirmed = true;
    this.link(ct);
    return true;
  }

  /** Takes a connection in that is confirmed already. */
  protected link(ct: Conntrack): void {
    this.all.add(ct);
    for (const direction of [CT_ORIGINAL, CT_REPLY]) {
      const key = hashOf(ct.tuples[direction]!);
      this.chains.set(key, { ct, direction, next: this.chains.get(key) });
    }
  }

  /** Forgets a connection (`nf_ct_kill`). */
  remove(ct: Conntrack): void {
    ct.dying = true;
    if (!this.all.delete(ct)) return;
    for (const tuple of ct.tuples) {
      const key = hashOf(tuple);
      const left = without(this.chains.get(key), ct);
      if (left === undefined) this.chains.delete(key);
      else this.chains.set(key, left);
    }
  }

  private isTaken({ family, src, dst, ports }: CtTuple, now: number): boolean {
    const known = this.find(family, src, dst, ports, (now - this.linger) | 0);
    return known !== undefined;
  }

  private purge(now: number): void {
    for (const ct of this.all) if (ended(ct, (now - this.linger) | 0)) this.remove(ct);
    this.purgeAt = Math.max(PURGE_LEAST, 2 * this.all.size);
  }
}

const ended = (ct: Conntrack, now: number): boolean => ((ct.track.expires - now) | 0) <= 0;

function without(first: Node | undefined, ct: Conntrack): Node | undefined {
  if (first === undefined) return undefined;
  if (first.ct === ct) return without(first.next, ct);
  first.next = without(first.next, ct);
  return first;
}

function matches(t: CtTuple, family: Family, src: Int32Array, dst: Int32Array, ports: number): boolean {
  if (t.ports !== ports || t.family !== family || t.src[0] !== src[0] || t.dst[0] !== dst[0]) return false;
  if (family === AF_INET) return true;
  for (let i = 1; i < 4; i++) if (t.src[i] !== src[i] || t.dst[i] !== dst[i]) return false;
  return true;
}

const hashOf = (t: CtTuple): number => hash(t.family, t.src, t.dst, t.ports);

/** A small integer. */
function hash(family: Family, src: Int32Array, dst: Int32Array, ports: number): number {
  let h = Math.imul(ports, 0x9e37_79b1);
  const words = family === AF_INET ? 1 : 4;
  for (let i = 0; i < words; i++) {
    h = Math.imul(h ^ src[i]!, 0x85eb_ca6b);
    h = Math.imul((h ^ (h >>> 15)) + dst[i]!, 0xc2b2_ae35);
  }
  return (h ^ (h >>> 16)) & 0x3fff_ffff;
}
