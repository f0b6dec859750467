/**
 * `ip_vs_conn_tab`: every connection of one network namespace, in typed arrays. A connection is an index; no object is made for it.
 *
 * Each connection is hashed twice, by the tuple that a packet of its client carries (direction 0) and by the one that a packet of its
 * real server carries (direction 1). Both hash the packet as it is seen on the wire, so one look-up finds either.
 *
 * A bucket is one cache line: fifteen slots, each a node with seven bits of its hash, the newest first, and the head of a chain for what
 * does not fit. A look-up so touches two lines, the bucket's and the connection's. Memory for the limit is reserved at once, and the
 * system commits a page when it is first touched: the table grows as it fills, and nothing is ever moved.
 */
import { AF_INET, AF_INET6, type Family } from '../wire/inet.js';
import * as layout from './conn-layout.js';
import * as flags from './flags.js';

export * from './conn-layout.js';

// see conn-layout.ts
const { C_CADDR, C_DADDR, C_DPORT, C_FLAGS, C_PORTS, C_VADDR, HOT_SHIFT, NO_CONN } = layout;
const { CONN_F_FWD_MASK, CONN_F_HASHED, CONN_F_MASQ, CONN_F_NO_CPORT, CONN_F_TEMPLATE } = flags;

/** Next node of an overflow chain, for direction 0 and 1; a node is `conn * 2 + direction + 1`, 0 ends a chain. */
const NEXT = 0;
const COLD_WORDS = 10;
const SYNC_ENDTIME = 9;

/** Words of a bucket: the slots, and the head of the chain. */
const BUCKET_SHIFT = 4;
const SLOTS = 15;
/** Nodes that a bucket holds when the table is full: above that, chains become common. */
const NODES_PER_BUCKET = 11;
/** A slot is a node and, above it, the low bits of its hash. */
const NODE_BITS = 25;
const NODE_MASK = (1 << NODE_BITS) - 1;
/** Most connections that nodes can number. */
export const CONN_LIMIT_MAX: number = (1 << (NODE_BITS - 1)) - 1;

const FAMILY_V6 = 1;
const FAMILY_DEST_V6 = 2;
/** An address has more than one word. */
const LONG = FAMILY_V6 | FAMILY_DEST_V6;

/** Bits of a place; above them stands its generation. */
const PLACE_BITS = 24;
/** Words of a written connection with short addresses, */
const CONN_WORDS_SHORT = 1 << HOT_SHIFT;
/** and with long ones. */
export const CONN_WORDS: number = CONN_WORDS_SHORT + SYNC_ENDTIME;

/** Where a new connection's key and target come from. */
export interface ConnKey {
  family: Family;
  protocol: number;
  caddr: Int32Array;
  cport: number;
  vaddr: Int32Array;
  vport: number;
}

/** The table. `hot` is public: the packet path reads and writes a connection's words by the `C_*` offsets. */
export class ConnTable {
  readonly limit: number;
  readonly hot: Int32Array;
  private readonly m0: number;
  private readonly m1: number;
  private readonly m2: number;
  private readonly m3: number;
  private readonly cold: Int32Array;
  /** How often a place was given back; eight bits. */
  private readonly generations: Uint8Array;
  private readonly slots: Int32Array;
  /** Buckets in one unit of the hash. */
  private readonly scale: number;
  private free = NO_CONN;
  private used = 0;
  /** Connections hashed or not, templates included (`conn_count`). */
  count = 0;
  /** Connections whose client port is not known (`no_cport_cnt`). */
  noCport = 0;
  /** What {@link find} found: a packet of a client. */
  foundIn = NO_CONN;
  /** What {@link find} found: a packet of a real server. */
  foundOut = NO_CONN;

  /**
   * @param limit most connections there can be, 1..`CONN_LIMIT_MAX`.
   * @param random uniform 32-bit integers: they make the distribution over buckets unpredictable.
   */
  constructor(limit: number, random: () => number) {
    this.limit = limit;
    // odd, so that each multiplication loses nothing
    this.m0 = random() | 1;
    this.m1 = random() | 1;
    this.m2 = random() | 1;
    this.m3 = random() | 1;
    this.hot = cacheAligned(limit << HOT_SHIFT);
    this.cold = new Int32Array(limit * COLD_WORDS);
    this.generations = new Uint8Array(limit);
    const buckets = Math.ceil((limit * 2) / NODES_PER_BUCKET);
    this.slots = cacheAligned(buckets << BUCKET_SHIFT);
    this.scale = buckets / 0x8000_0000;
  }

  /** A zeroed connection, or `NO_CONN` when the table is full. Not hashed yet. */
  alloc(): number {
    let c = this.free;
    if (c !== NO_CONN) {
      this.free = this.hot[c << HOT_SHIFT]! - 2;
      this.hot.fill(0, c << HOT_SHIFT, (c + 1) << HOT_SHIFT);
      this.cold.fill(0, c * COLD_WORDS, (c + 1) * COLD_WORDS);
    } else {
      if (this.used === this.limit) return NO_CONN;
      c = this.used++;
    }
    this.count++;
    return c;
  }

  /** Gives a connection's place back; it must not be hashed any more. */
  release(c: number): void {
    this.hot[c << HOT_SHIFT] = this.free + 2;
    this.hot[(c << HOT_SHIFT) + C_DPORT] = 0;
    this.free = c;
    this.generations[c]!++;
    this.count--;
  }

  /**
   * A copy of connection `c` of another table, which is found as that one is. Its dest and the connection that controls it are those numbers of the
   * other table.
   */
  copyOf(other: ConnTable, c: number): number {
    const own = this.alloc();
    if (own === NO_CONN) return own;
    const h = own << HOT_SHIFT;
    this.hot.set(other.hot.subarray(c << HOT_SHIFT, (c + 1) << HOT_SHIFT), h);
    this.cold.set(other.cold.subarray(c * COLD_WORDS, (c + 1) * COLD_WORDS), own * COLD_WORDS);
    // chains are each table's own
    this.hot.fill(0, h, h + 2);
    if ((this.hot[h + C_FLAGS]! & CONN_F_HASHED) !== 0) this.hash(own);
    return own;
  }

  /** Tells a connection from those that had its place before; eight bits. */
  generation(c: number): number {
    return this.generations[c]!;
  }

  /**
   * Writes connection `c` to `out` from word `at` on, as {@link read} takes it: its place, the end that was told to the backups, what else the hot record
   * has, and addresses where they are long. `CONN_WORDS` at most. See {@link placeAt}.
   * @returns the word behind it.
   */
  write(c: number, out: Int32Array, at: number): number {
    const h = c << HOT_SHIFT;
    for (let i = 2; i < CONN_WORDS_SHORT; i++) out[at + i] = this.hot[h + i]!;
    // chains are each table's own
    out[at] = c | (this.generations[c]! << PLACE_BITS);
    out[at + 1] = this.syncEndtime(c);
    const end = at + CONN_WORDS_SHORT;
    if ((this.hot[h + C_DPORT]! & LONG) === 0) return end;
    for (let i = 0; i < SYNC_ENDTIME; i++) out[end + i] = this.cold[c * COLD_WORDS + i]!;
    return end + SYNC_ENDTIME;
  }

  /**
   * Takes in a connection that {@link write} has written: with all its words, and not hashed yet. What it had for numbers of dests and other connections
   * means nothing here.
   * @returns its place, or `NO_CONN` when the table is full.
   */
  read(words: Int32Array, at: number): number {
    const c = this.alloc();
    if (c === NO_CONN) return c;
    const h = c << HOT_SHIFT;
    this.generations[c] = words[at]! >>> PLACE_BITS;
    for (let i = 2; i < CONN_WORDS_SHORT; i++) this.hot[h + i] = words[at + i]!;
    this.setSyncEndtime(c, words[at + 1]!);
    if ((this.hot[h + C_DPORT]! & LONG) !== 0) {
      for (let i = 0; i < SYNC_ENDTIME; i++)
        this.cold[c * COLD_WORDS + i] = words[at + CONN_WORDS_SHORT + i]!;
    }
    return c;
  }

  /** The place that the connection had that was written at `at`. */
  static placeAt(words: Int32Array, at: number): number {
    return words[at]! & ((1 << PLACE_BITS) - 1);
  }

  /** Words of the connection that was written at `at`. */
  static wordsAt(words: Int32Array, at: number): number {
    return (words[at + C_DPORT]! & LONG) === 0 ? CONN_WORDS_SHORT : CONN_WORDS;
  }

  /** Places below this hold, or held, connections: the range of {@link isUsed}. */
  get highWater(): number {
    return this.used;
  }

  /** True when place `c` holds a connection that can be found (one-packet ones never can). */
  isUsed(c: number): boolean {
    return (this.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_HASHED) !== 0;
  }

  setKey(c: number, key: ConnKey): void {
    const h = c << HOT_SHIFT;
    const hot = this.hot;
    hot[h + C_CADDR] = key.caddr[0]!;
    hot[h + C_VADDR] = key.vaddr[0]!;
    hot[h + C_PORTS] = (key.cport << 16) | key.vport;
    hot[h + C_DPORT] = (key.protocol << 8) | (key.family === AF_INET6 ? FAMILY_V6 : 0);
    if (key.family === AF_INET6) {
      const k = c * COLD_WORDS;
      this.cold.set(key.caddr.subarray(1, 4), k);
      this.cold.set(key.vaddr.subarray(1, 4), k + 3);
    }
  }

  setDest(c: number, family: Family, addr: Int32Array, port: number): void {
    const h = c << HOT_SHIFT;
    this.hot[h + C_DADDR] = addr[0]!;
    this.hot[h + C_DPORT] =
      (port << 16) | (this.hot[h + C_DPORT]! & 0xff01) | (family === AF_INET6 ? FAMILY_DEST_V6 : 0);
    if (family === AF_INET6) this.cold.set(addr.subarray(1, 4), c * COLD_WORDS + 6);
  }

  family(c: number): Family {
    return (this.hot[(c << HOT_SHIFT) + C_DPORT]! & FAMILY_V6) === 0 ? AF_INET : AF_INET6;
  }

  destFamily(c: number): Family {
    return (this.hot[(c << HOT_SHIFT) + C_DPORT]! & FAMILY_DEST_V6) === 0 ? AF_INET : AF_INET6;
  }

  protocol(c: number): number {
    return (this.hot[(c << HOT_SHIFT) + C_DPORT]! >>> 8) & 255;
  }

  cport(c: number): number {
    return this.hot[(c << HOT_SHIFT) + C_PORTS]! >>> 16;
  }

  vport(c: number): number {
    return this.hot[(c << HOT_SHIFT) + C_PORTS]! & 0xffff;
  }

  dport(c: number): number {
    return this.hot[(c << HOT_SHIFT) + C_DPORT]! >>> 16;
  }

  /** Word `i` of an address: `which` is `C_CADDR`, `C_VADDR` or `C_DADDR`. */
  addrWord(c: number, which: number, i: number): number {
    return i === 0
      ? this.hot[(c << HOT_SHIFT) + which]!
      : this.cold[c * COLD_WORDS + (which - C_CADDR) * 3 + i - 1]!;
  }

  /** Copies an address out. */
  addr(c: number, which: number, out: Int32Array): void {
    for (let i = 0; i < 4; i++) out[i] = this.addrWord(c, which, i);
  }

  /** When its timer was last told to the backups, with the retries in the two low bits (`sync_endtime`). */
  syncEndtime(c: number): number {
    return this.cold[c * COLD_WORDS + SYNC_ENDTIME]!;
  }

  setSyncEndtime(c: number, value: number): void {
    this.cold[c * COLD_WORDS + SYNC_ENDTIME] = value;
  }

  /** Gives a hashed connection other ports (`ip_vs_conn_fill_cport`, template invalidation). */
  rekey(c: number, cport: number, vport: number, dport: number): void {
    this.unhash(c);
    const h = c << HOT_SHIFT;
    this.hot[h + C_PORTS] = (cport << 16) | vport;
    this.hot[h + C_DPORT] = (dport << 16) | (this.hot[h + C_DPORT]! & 0xffff);
    this.hash(c);
  }

  /** Makes a connection findable (`ip_vs_conn_hash`). Later ones are found first. */
  hash(c: number): void {
    const h = c << HOT_SHIFT;
    this.hot[h + C_FLAGS] = this.hot[h + C_FLAGS]! | CONN_F_HASHED;
    this.link(c * 2);
    this.link(c * 2 + 1);
  }

  unhash(c: number): void {
    const h = c << HOT_SHIFT;
    this.unlink(c * 2);
    this.unlink(c * 2 + 1);
    this.hot[h + C_FLAGS] = this.hot[h + C_FLAGS]! & ~CONN_F_HASHED;
  }

  /**
   * Looks an IPv4 packet up in both directions at once: see `foundIn` and `foundOut`.
   * @param ports source port << 16 | destination port.
   */
  find4(protocol: number, saddr: number, daddr: number, ports: number): void {
    this.foundIn = NO_CONN;
    this.foundOut = NO_CONN;
    const slots = this.slots;
    const hash = this.hash4(protocol, saddr, daddr, ports);
    const tag = hash << NODE_BITS;
    let i = this.bucket(hash);
    const end = i + SLOTS;
    for (; i < end; i++) {
      const slot = slots[i]!;
      if (slot === 0) return;
      if ((slot ^ tag) >>> NODE_BITS === 0 && this.see4(slot & NODE_MASK, protocol, saddr, daddr, ports))
        return;
    }
    for (let node = slots[end]!; node !== 0; node = this.nextNode(node)) {
      if (this.see4(node, protocol, saddr, daddr, ports)) return;
    }
  }

  /** The first slot of a hash's bucket, for who only wants it in the cache (foresee.ts). */
  peekBucket(hash: number): number {
    return this.slots[this.bucket(hash)]!;
  }

  /** The connection that a packet with this hash probably belongs to; 0 when none is likely. */
  peekSlots(hash: number): number {
    const slots = this.slots;
    const tag = hash << NODE_BITS;
    let i = this.bucket(hash);
    for (const end = i + SLOTS; i < end; i++) {
      const slot = slots[i]!;
      if (slot === 0) return 0;
      if ((slot ^ tag) >>> NODE_BITS === 0) return ((slot & NODE_MASK) - 1) >> 1;
    }
    return 0;
  }

  /** Looks at one node; true when it is the real server's packet, which ends the search: replies are looked for first. */
  private see4(node: number, protocol: number, saddr: number, daddr: number, ports: number): boolean {
    const hot = this.hot;
    const c = (node - 1) >> 1;
    const h = c << HOT_SHIFT;
    if ((hot[h + C_DPORT]! & 0xff01) !== protocol << 8) return false;
    const flags = hot[h + C_FLAGS]!;
    if ((node & 1) !== 0) {
      if (
        hot[h + C_PORTS] === ports &&
        hot[h + C_CADDR] === saddr &&
        hot[h + C_VADDR] === daddr &&
        // an entry whose client port is unknown is the one for port 0, and no other is: so no template is, unless a master's message gave it a port
        ((flags & CONN_F_NO_CPORT) !== 0) === (ports >>> 16 === 0) &&
        this.foundIn === NO_CONN
      ) {
        this.foundIn = c;
      }
      return false;
    }
    if (hot[h + C_CADDR] !== daddr || hot[h + C_PORTS]! >>> 16 !== (ports & 0xffff)) return false;
    const match =
      (flags & CONN_F_FWD_MASK) === CONN_F_MASQ
        ? hot[h + C_DADDR] === saddr && hot[h + C_DPORT]! >>> 16 === ports >>> 16
        : hot[h + C_VADDR] === saddr && (hot[h + C_PORTS]! & 0xffff) === ports >>> 16;
    if (match) this.foundOut = c;
    return match;
  }

  /** As {@link find4} for IPv6. */
  find6(protocol: number, saddr: Int32Array, daddr: Int32Array, ports: number): void {
    this.foundIn = NO_CONN;
    this.foundOut = NO_CONN;
    const slots = this.slots;
    const hash = this.hash6(protocol, saddr, daddr, ports);
    const tag = hash << NODE_BITS;
    let i = this.bucket(hash);
    const end = i + SLOTS;
    for (; i < end; i++) {
      const slot = slots[i]!;
      if (slot === 0) return;
      if ((slot ^ tag) >>> NODE_BITS === 0 && this.see6(slot & NODE_MASK, protocol, saddr, daddr, ports))
        return;
    }
    for (let node = slots[end]!; node !== 0; node = this.nextNode(node)) {
      if (this.see6(node, protocol, saddr, daddr, ports)) return;
    }
  }

  private see6(node: number, protocol: number, saddr: Int32Array, daddr: Int32Array, ports: number): boolean {
    const hot = this.hot;
    const c = (node - 1) >> 1;
    const h = c << HOT_SHIFT;
    if ((hot[h + C_DPORT]! & 0xff01) !== ((protocol << 8) | FAMILY_V6)) return false;
    const flags = hot[h + C_FLAGS]!;
    if ((node & 1) !== 0) {
      if (
        hot[h + C_PORTS] === ports &&
        ((flags & CONN_F_NO_CPORT) !== 0) === (ports >>> 16 === 0) &&
        this.foundIn === NO_CONN &&
        this.addrIs(c, C_CADDR, saddr) &&
        this.addrIs(c, C_VADDR, daddr)
      ) {
        this.foundIn = c;
      }
      return false;
    }
    if (hot[h + C_PORTS]! >>> 16 !== (ports & 0xffff) || !this.addrIs(c, C_CADDR, daddr)) return false;
    const match =
      (flags & CONN_F_FWD_MASK) === CONN_F_MASQ
        ? hot[h + C_DPORT]! >>> 16 === ports >>> 16 && this.addrIs(c, C_DADDR, saddr)
        : (hot[h + C_PORTS]! & 0xffff) === ports >>> 16 && this.addrIs(c, C_VADDR, saddr);
    if (match) this.foundOut = c;
    return match;
  }

  /** The connection of a client's packet, or `NO_CONN` (`__ip_vs_conn_in_get`). */
  findIn(key: ConnKey): number {
    const ports = (key.cport << 16) | key.vport;
    if (key.family === AF_INET) this.find4(key.protocol, key.caddr[0]!, key.vaddr[0]!, ports);
    else this.find6(key.protocol, key.caddr, key.vaddr, ports);
    return this.foundIn;
  }

  /** The template with this key that `accept` agrees to, or `NO_CONN` (`ip_vs_ct_in_get`). */
  findTemplate(key: ConnKey, accept: (c: number) => boolean): number {
    const ports = (key.cport << 16) | key.vport;
    const hash =
      key.family === AF_INET6
        ? this.hash6(key.protocol, key.caddr, key.vaddr, ports)
        : this.hash4(key.protocol, key.caddr[0]!, key.vaddr[0]!, ports);
    const bucket = this.bucket(hash);
    for (let i = bucket; i < bucket + SLOTS; i++) {
      const slot = this.slots[i]!;
      if (slot === 0) return NO_CONN;
      if (this.isTemplate(slot & NODE_MASK, key, ports) && accept(((slot & NODE_MASK) - 1) >> 1)) {
        return ((slot & NODE_MASK) - 1) >> 1;
      }
    }
    for (let node = this.slots[bucket + SLOTS]!; node !== 0; node = this.nextNode(node)) {
      if (this.isTemplate(node, key, ports) && accept((node - 1) >> 1)) return (node - 1) >> 1;
    }
    return NO_CONN;
  }

  private isTemplate(node: number, key: ConnKey, ports: number): boolean {
    const c = (node - 1) >> 1;
    const h = c << HOT_SHIFT;
    const protocol = (key.protocol << 8) | (key.family === AF_INET6 ? FAMILY_V6 : 0);
    return (
      (node & 1) !== 0 &&
      (this.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0 &&
      this.hot[h + C_PORTS] === ports &&
      (this.hot[h + C_DPORT]! & 0xff01) === protocol &&
      this.addrIs(c, C_CADDR, key.caddr) &&
      this.addrIs(c, C_VADDR, key.vaddr)
    );
  }

  private addrIs(c: number, which: number, words: Int32Array): boolean {
    if (this.hot[(c << HOT_SHIFT) + which] !== words[0]) return false;
    const k = c * COLD_WORDS + (which - C_CADDR) * 3;
    const cold = this.cold;
    return cold[k] === words[1] && cold[k + 1] === words[2] && cold[k + 2] === words[3];
  }

  private nextNode(node: number): number {
    return this.hot[(((node - 1) >> 1) << HOT_SHIFT) + NEXT + ((node - 1) & 1)]!;
  }

  private setNextNode(node: number, next: number): void {
    this.hot[(((node - 1) >> 1) << HOT_SHIFT) + NEXT + ((node - 1) & 1)] = next;
  }

  /** Multilinear hash of a packet: the multipliers are secret, so nobody can aim at one chain. Arguments as those of {@link find4}. */
  hash4(protocol: number, saddr: number, daddr: number, ports: number): number {
    return finish(
      Math.imul(saddr ^ protocol, this.m0) + Math.imul(daddr, this.m1) + Math.imul(ports, this.m2),
    );
  }

  /** As {@link hash4}, for IPv6. */
  hash6(protocol: number, saddr: Int32Array, daddr: Int32Array, ports: number): number {
    return this.hash4(protocol, this.fold(saddr), this.fold(daddr), ports);
  }

  /** An IPv6 address as one word. */
  private fold(words: Int32Array): number {
    return this.fold4(words[0]!, words[1]!, words[2]!, words[3]!);
  }

  private fold4(w0: number, w1: number, w2: number, w3: number): number {
    const x =
      Math.imul(w0, this.m1) + Math.imul(w1, this.m2) + Math.imul(w2, this.m3) + Math.imul(w3, this.m0);
    return x ^ (x >>> 16);
  }

  /** Index of a bucket's first slot. */
  private bucket(hash: number): number {
    return ((hash * this.scale) | 0) << BUCKET_SHIFT;
  }

  /** Puts a node first in its bucket; the oldest of a full bucket goes to the chain. */
  private link(index: number): void {
    const slots = this.slots;
    const hash = this.nodeHash(index);
    const bucket = this.bucket(hash);
    let carry = (hash << NODE_BITS) | (index + 1);
    for (let i = bucket; i < bucket + SLOTS; i++) {
      const slot = slots[i]!;
      slots[i] = carry;
      if (slot === 0) return;
      carry = slot;
    }
    const node = carry & NODE_MASK;
    this.setNextNode(node, slots[bucket + SLOTS]!);
    slots[bucket + SLOTS] = node;
  }

  private unlink(index: number): void {
    const slots = this.slots;
    const bucket = this.bucket(this.nodeHash(index));
    const last = bucket + SLOTS - 1;
    const chain = bucket + SLOTS;
    let i = bucket;
    while (i < chain && (slots[i]! & NODE_MASK) !== index + 1) i++;
    if (i === chain) {
      let before = 0;
      let node = slots[chain]!;
      while (node !== index + 1) {
        before = node;
        node = this.nextNode(node);
      }
      if (before === 0) slots[chain] = this.nextNode(node);
      else this.setNextNode(before, this.nextNode(node));
      return;
    }
    for (; i < last; i++) slots[i] = slots[i + 1]!;
    // the newest of the chain takes the place that has become free
    const node = slots[chain]!;
    slots[last] = node === 0 ? 0 : (this.nodeHash(node - 1) << NODE_BITS) | node;
    if (node !== 0) slots[chain] = this.nextNode(node);
  }

  private foldAddr(c: number, which: number): number {
    return this.fold4(
      this.addrWord(c, which, 0),
      this.addrWord(c, which, 1),
      this.addrWord(c, which, 2),
      this.addrWord(c, which, 3),
    );
  }

  /** Hash of the packet that finds this node. */
  private nodeHash(index: number): number {
    const c = index >> 1;
    const hot = this.hot;
    const h = c << HOT_SHIFT;
    const protocol = this.protocol(c);
    const ports = hot[h + C_PORTS]!;
    let source = C_CADDR;
    let target = C_VADDR;
    let seen = ports;
    if ((index & 1) === 1) {
      const masq = (hot[h + C_FLAGS]! & CONN_F_FWD_MASK) === CONN_F_MASQ;
      source = masq ? C_DADDR : C_VADDR;
      target = C_CADDR;
      seen = ((masq ? hot[h + C_DPORT]! >>> 16 : ports & 0xffff) << 16) | (ports >>> 16);
    }
    if ((hot[h + C_DPORT]! & FAMILY_V6) === 0)
      return this.hash4(protocol, hot[h + source]!, hot[h + target]!, seen);
    return this.hash4(protocol, this.foldAddr(c, source), this.foldAddr(c, target), seen);
  }
}

/** Spreads a sum of products over all bits; never negative. */
function finish(a: number): number {
  const x = Math.imul(a ^ (a >>> 15), 0x85eb_ca6b);
  return (x ^ (x >>> 13)) & 0x7fff_ffff;
}

/** An array that begins at a cache line: large blocks come from the system 16 bytes into a page. */
function cacheAligned(words: number): Int32Array {
  return new Int32Array(new ArrayBuffer(words * 4 + 48), 48, words);
}
