/** Whether to look for more packets before going to sleep: to be woken takes some microseconds, which is most of what a packet waits that comes alone. */

/** Looking pays while packets follow each other within `patience`: then, and only then, it is done for so long after each. */
export class BusyPoll {
  /** ms */
  readonly #patience: number;
  /** The thread has but one processor, so that who is to send the next packet would wait for who looks for it. */
  alone = false;
  #last = Number.NEGATIVE_INFINITY;
  #pays = false;

  /** @param patience ms; 0: never. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Packets have come. @param now ms, of a clock that only goes forward. */
  came(now: number): void {
    this.#pays = now - this.#last < this.#patience;
    this.#last = now;
  }

  /** Until when to look; in the past when not at all. */
  get until(): number {
    return this.#pays && !this.alone ? this.#last + this.#patience : Number.NEGATIVE_INFINITY;
  }
}
