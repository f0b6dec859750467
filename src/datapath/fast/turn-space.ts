/** Which elements of the map of turns are whose. */

/** A range that was given back is not given out again for as long, ns: the program may still be at it, and what it reports must be understood. */
const REST = 2e9;
/** Ranges have a power of two of elements; 2^n of the largest. */
const SIZES = 11;

/** The longest range. */
export const LONGEST = 1 << (SIZES - 1);

interface Resting {
  readonly first: number;
  readonly size: number;
  readonly since: number;
}

/** Hands ranges of elements out, each with an owner. */
export class TurnSpace<T> {
  readonly #owners: (T | undefined)[];
  readonly #free: number[][] = Array.from({ length: SIZES }, () => []);
  readonly #resting: Resting[] = [];
  #next = 0;

  /** @param capacity elements in all. */
  constructor(capacity: number) {
    this.#owners = new Array<T | undefined>(capacity).fill(undefined);
  }

  /** Room for `count` elements, at most {@link LONGEST}. @returns the first, or undefined when there is none. */
  allocate(count: number): number | undefined {
    const size = sizeOf(count);
    const free = this.#free[size]!.pop();
    if (free !== undefined) return free;
    const first = this.#next;
    if (first + (1 << size) > this.#owners.length) return undefined;
    this.#next += 1 << size;
    return first;
  }

  /** Says whose the range at `first` is. */
  assign(first: number, count: number, owner: T): void {
    this.#owners.fill(owner, first, first + count);
  }

  /** Whose the element is, or was until lately. */
  ownerOf(element: number): T | undefined {
    return this.#owners[element];
  }

  /** The range is used no longer. @param now CLOCK_MONOTONIC, ns. */
  release(first: number, count: number, now: number): void {
    this.#resting.push({ first, size: sizeOf(count), since: now });
  }

  /** Makes ranges free that have rested. To be called from time to time. */
  sweep(now: number): void {
    while (this.#resting.length > 0 && now - this.#resting[0]!.since >= REST) {
      const { first, size } = this.#resting.shift()!;
      this.#owners.fill(undefined, first, first + (1 << size));
      this.#free[size]!.push(first);
    }
  }
}

function sizeOf(count: number): number {
  return 32 - Math.clz32(count - 1);
}
