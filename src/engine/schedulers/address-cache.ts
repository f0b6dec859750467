/** The table from destination addresses to whatever lblc and lblcr remember of them (`ip_vs_lblc_table`, `ip_vs_lblcr_table`). */
import type { Family } from '../../wire/inet.js';
import { foldAddress, hash32 } from './hash.js';

const TAB_BITS = 10;
const TAB_SIZE = 1 << TAB_BITS;
/** Entries beyond which those unused for a while are removed early. */
const MAX_SIZE = 16 * TAB_SIZE;
/** Entries at which no new one is made. */
const HARD_LIMIT = 1.5 * MAX_SIZE;
/** Calls of `collect`, 60 s apart, from one full check to the next. */
const COUNT_FOR_FULL_EXPIRATION = 30;
/** Seconds without use after which an entry may be removed early. */
const ENTRY_TIMEOUT = 6 * 60;

/** What is remembered of one address. */
export class CacheEntry<T> {
  value: T;
  /** Jiffies of the last look-up. */
  lastuse: number;
  /** The address. */
  readonly words: Int32Array;
  /** The next entry of its bucket. */
  next: CacheEntry<T> | null;

  constructor(words: Int32Array, value: T, now: number, next: CacheEntry<T> | null) {
    this.words = words.slice();
    this.value = value;
    this.lastuse = now;
    this.next = next;
  }
}

/** A hash table of addresses that forgets what was not used for long. */
export class AddressCache<T> {
  /** Number of entries. */
  size = 0;
  private readonly family: Family;
  private readonly release: (value: T) => void;
  private readonly buckets = new Array<CacheEntry<T> | null>(TAB_SIZE).fill(null);
  /** The bucket that the last collection ended with. */
  private rover = 0;
  private counter = 1;

  /** @param release called with the value of each entry that is removed. */
  constructor(family: Family, release: (value: T) => void) {
    this.family = family;
    this.release = release;
  }

  /** The entry of an address, marked as used `now` (jiffies). */
  find(words: Int32Array, now: number): CacheEntry<T> | null {
    const entry = this.peek(words);
    if (entry !== null) entry.lastuse = now;
    return entry;
  }

  /** The entry of an address, as it is. */
  peek(words: Int32Array): CacheEntry<T> | null {
    for (let entry = this.buckets[this.bucketOf(words)]!; entry !== null; entry = entry.next!) {
      const w = entry.words;
      if (w[0] === words[0] && w[1] === words[1] && w[2] === words[2] && w[3] === words[3]) return entry;
    }
    return null;
  }

  /** True when there are so many entries that no new one is to be added. */
  get full(): boolean {
    return this.size >= HARD_LIMIT;
  }

  /** Adds an address that is not in the table. */
  add(words: Int32Array, value: T, now: number): void {
    const bucket = this.bucketOf(words);
    this.buckets[bucket] = new CacheEntry(words, value, now, this.buckets[bucket]!);
    this.size++;
  }

  /**
   * Removes what is too old; to be called every 60 s. Every half hour that is all entries unused for `expiration` jiffies; in between,
   * and only while the table is too large, as many as it has too many among those unused for 6 minutes.
   */
  collect(now: number, hz: number, expiration: number): void {
    if (this.counter % COUNT_FOR_FULL_EXPIRATION === 0) {
      this.sweep(now, expiration, Number.POSITIVE_INFINITY);
      this.counter = 1;
    } else if (this.size <= MAX_SIZE) {
      this.counter++;
    } else {
      this.sweep(
        now,
        ENTRY_TIMEOUT * hz,
        Math.min(Math.floor(((this.size - MAX_SIZE) * 4) / 3), MAX_SIZE / 2),
      );
    }
  }

  /** Removes all entries. */
  flush(): void {
    for (let bucket = 0; bucket < TAB_SIZE; bucket++) this.removeFrom(bucket, () => true);
  }

  /** Removes entries unused for `age` jiffies, whole buckets at a time from the rover on, until `goal` are gone. */
  private sweep(now: number, age: number, goal: number): void {
    const old = (entry: CacheEntry<T>): boolean => ((now - entry.lastuse - age) | 0) >= 0;
    const enough = this.size - goal;
    for (let i = 0; i < TAB_SIZE && this.size > enough; i++) {
      this.rover = (this.rover + 1) % TAB_SIZE;
      this.removeFrom(this.rover, old);
    }
  }

  private removeFrom(bucket: number, doomed: (entry: CacheEntry<T>) => boolean): void {
    let kept: CacheEntry<T> | null = null;
    for (let entry = this.buckets[bucket]!; entry !== null; entry = entry.next!) {
      if (doomed(entry)) {
        if (kept === null) this.buckets[bucket] = entry.next;
        else kept.next = entry.next;
        this.size--;
        this.release(entry.value);
      } else {
        kept = entry;
      }
    }
  }

  private bucketOf(words: Int32Array): number {
    return hash32(foldAddress(this.family, words), TAB_BITS);
  }
}
