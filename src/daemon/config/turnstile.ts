/** Who may be at work: many together, or one alone. */
export class Turnstile {
  /** Settles when whoever was alone last has ended. */
  #alone: Promise<unknown> = Promise.resolve();
  #isAlone = 0;
  readonly #together = new Set<Promise<unknown>>();

  /** Works beside others, but not beside one that is to be alone. */
  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#isAlone > 0) await this.#alone;
    const done = work();
    const settled = done.catch(() => {});
    this.#together.add(settled);
    try {
      return await done;
    } finally {
      this.#together.delete(settled);
    }
  }

  /** Works alone, when those before have ended; those who come meanwhile wait. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone;
    this.#isAlone++;
    const done = (async () => {
      await before;
      await Promise.all(this.#together);
      return work();
    })();
    this.#alone = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#isAlone--;
    }
  }
}
