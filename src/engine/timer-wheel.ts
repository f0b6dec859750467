/**
 * The kernel's timer wheel (kernel/time/timer.c, since 4.8): nine levels of 64 buckets, each level eight times coarser than the one
 * below. Nothing cascades: a timer far away fires late by up to an eighth of its time, which is the kernel's behaviour and costs nothing.
 */

const LEVELS = 9;
const BUCKETS = 64;
const SHIFT = 3;
const NONE = -1;
/** Where a bucket's timers wait for their turn while it is run: what they arm may come to that very bucket, a whole turn later. */
const DUE = LEVELS * BUCKETS;

/** Timers are small integers (the caller's own numbering), linked in typed arrays: arming one allocates nothing. */
export class TimerWheel {
  private readonly head = new Int32Array(DUE + 1).fill(NONE);
  private readonly next: Int32Array;
  /** The timer before this one; `-2 - bucket` for a bucket's first; 0 (never a valid link at rest) when not armed, see `add`. */
  private readonly prev: Int32Array;
  /** Bucket of each armed timer. */
  private readonly bucket: Uint16Array;
  /** Jiffies up to which timers have run. */
  private clock: number;
  private armed = 0;

  /** @param capacity how many timers there can be: ids are 0..capacity-1. @param jiffies now. */
  constructor(capacity: number, jiffies: number) {
    this.next = new Int32Array(capacity);
    // links are stored plus one, so that fresh (zeroed, untouched) memory means "not armed"
    this.prev = new Int32Array(capacity);
    this.bucket = new Uint16Array(capacity);
    this.clock = jiffies;
  }

  /** Timers waiting. */
  get size(): number {
    return this.armed;
  }

  pending(id: number): boolean {
    return this.prev[id] !== 0;
  }

  /**
   * Arms or re-arms a timer for jiffy `expires`; it fires in a later `advance` at the earliest. Of the timers in one bucket the one that
   * came there last fires first; one that stays in its bucket keeps its place.
   * @param since jiffies when `expires` was decided, which may be earlier: the grain is that of the time from then on.
   */
  set(id: number, expires: number, since = this.clock): void {
    const bucket = this.bucketOf(expires, since);
    if (this.prev[id] !== 0) {
      if (this.bucket[id] === bucket) return;
      this.cancel(id);
    }
    this.bucket[id] = bucket;
    const first = this.head[bucket]!;
    this.next[id] = first;
    this.prev[id] = -2 - bucket;
    if (first !== NONE) this.prev[first] = id + 1;
    this.head[bucket] = id;
    this.armed++;
  }

  /** Disarms a timer; nothing happens when it is not armed. */
  cancel(id: number): void {
    const prev = this.prev[id]!;
    if (prev === 0) return;
    const next = this.next[id]!;
    if (prev < 0) this.head[-2 - prev] = next;
    else this.next[prev - 1] = next;
    if (next !== NONE) this.prev[next] = prev;
    this.prev[id] = 0;
    this.armed--;
  }

  /** Runs what is due up to and including jiffy `to`, in order of time. `fire` may arm and cancel any timer. */
  advance(to: number, fire: (id: number, jiffies: number) => void): void {
    if (this.armed === 0) {
      this.clock = to;
      return;
    }
    while (((to - this.clock) | 0) > 0) {
      this.clock = (this.clock + 1) | 0;
      // the coarsest of the levels that are due goes first
      let level = 0;
      while (level < LEVELS - 1 && (this.clock & ((1 << ((level + 1) * SHIFT)) - 1)) === 0) level++;
      for (; level >= 0; level--) {
        const bucket = level * BUCKETS + ((this.clock >> (level * SHIFT)) & (BUCKETS - 1));
        this.detach(bucket);
        while (this.head[DUE] !== NONE) {
          const id = this.head[DUE]!;
          this.cancel(id);
          fire(id, this.clock);
        }
      }
      if (this.armed === 0) this.clock = to;
    }
  }

  private detach(bucket: number): void {
    const first = this.head[bucket]!;
    if (first === NONE) return;
    this.head[bucket] = NONE;
    this.head[DUE] = first;
    this.prev[first] = -2 - DUE;
    for (let id = first; id !== NONE; id = this.next[id]!) this.bucket[id] = DUE;
  }

  /** Jiffies until something may be due (at most `limit`): how long one may sleep. */
  idle(limit: number): number {
    for (let n = 1; n < limit; n++) {
      let ticks = (this.clock + n) | 0;
      for (let level = 0; level < LEVELS; level++) {
        if (this.head[level * BUCKETS + (ticks & (BUCKETS - 1))] !== NONE) return n;
        if ((ticks & ((1 << SHIFT) - 1)) !== 0) break;
        ticks >>= SHIFT;
      }
    }
    return limit;
  }

  private bucketOf(expires: number, since: number): number {
    const next = (this.clock + 1) | 0;
    // overdue: the next tick that has not run
    if (((expires - next) | 0) < 0) return next & (BUCKETS - 1);
    const base = (since + 1) | 0;
    let delta = (expires - base) | 0;
    let when = expires;
    let level = 0;
    while (level < LEVELS - 1 && delta >= (BUCKETS - 1) << (level * SHIFT)) level++;
    const furthest = (BUCKETS - 1) << ((LEVELS - 1) * SHIFT);
    if (delta >= furthest) {
      delta = furthest - 1;
      when = (base + delta) | 0;
    }
    // rounded up to the level's grain, so that nothing fires early
    const tick = (when >> (level * SHIFT)) + 1;
    return level * BUCKETS + (tick & (BUCKETS - 1));
  }
}
