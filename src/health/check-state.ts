/** Whether a server is up, by what its checks said. */

/** How many answers in a row it takes. */
export interface Hysteresis {
  /** Good ones, until a server is up. */
  readonly rise: number;
  /** Failures, until it is down. */
  readonly fall: number;
}

/** One server's state. Its very first answer decides at once: nothing is known that it could contradict. */
export class CheckState {
  #up: boolean;
  #known = false;
  /** Answers in a row that contradict the state. */
  #against = 0;
  readonly #hysteresis: Hysteresis;

  /** @param up what the server is taken for until it has answered. */
  constructor(up: boolean, hysteresis: Hysteresis) {
    this.#up = up;
    this.#hysteresis = hysteresis;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Whether it has answered yet. */
  get known(): boolean {
    return this.#known;
  }

  /** Takes an answer. @returns true when the server has changed its state by it. */
  report(good: boolean): boolean {
    const first = !this.#known;
    this.#known = true;
    if (good === this.#up) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    const { rise, fall } = this.#hysteresis;
    if (!first && this.#against < (good ? rise : fall)) return false;
    this.#up = good;
    this.#against = 0;
    return true;
  }
}
