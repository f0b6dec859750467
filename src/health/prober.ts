/** Checks one server again and again. */
import type { ActiveCheck } from '../control/check-spec.js';
import { check } from './check.js';
import { CheckState } from './check-state.js';
import type { Target } from './checker.js';

/** Characters of a reason at most. */
const REASON_MAX = 200;

/** What became of a check. */
export interface Report {
  readonly up: boolean;
  /** Whether it is the first answer. */
  readonly first: boolean;
  /** Why the check failed; absent when it did not. */
  readonly reason?: string;
  /** Share of its weight that the server asked for, percent. */
  readonly percent?: number;
  /** How long the answer took, ms. */
  readonly took: number;
}

/** Time and chance, which tests hand in. */
export interface ProberClock {
  /** Milliseconds. */
  now(): number;
  /** Calls `then` after `delay` ms. @returns a function that prevents it. */
  after(delay: number, then: () => void): () => void;
  /** 0 to 1. */
  random(): number;
}

/** The machine's own. */
export const SYSTEM_CLOCK: ProberClock = {
  now: () => performance.now(),
  after(delay, then) {
    const timer = setTimeout(then, delay);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Checks from `start` to `stop`; never two at a time. */
export class Prober {
  readonly state: CheckState;
  readonly #target: Target;
  readonly #spec: ActiveCheck;
  readonly #report: (report: Report) => void;
  readonly #clock: ProberClock;
  readonly #check: typeof check;
  #cancel: (() => void) | undefined;
  #abort: AbortController | undefined;

  /** @param report told of every answer. */
  constructor(
    target: Target,
    spec: ActiveCheck,
    report: (report: Report) => void,
    clock: ProberClock = SYSTEM_CLOCK,
    checkOnce: typeof check = check,
  ) {
    this.#target = target;
    this.#spec = spec;
    this.#report = report;
    this.#clock = clock;
    this.#check = checkOnce;
    this.state = new CheckState(spec.start === 'up', spec);
  }

  /** Begins at some moment of the first interval, so that many do not begin at once. */
  start(): void {
    this.#cancel = this.#clock.after(this.#clock.random() * Math.min(this.#spec.interval, 1000), () =>
      this.#run(),
    );
  }

  /** Ends what goes on; nothing is reported any more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #run(): Promise<void> {
    const { interval, timeout, jitter } = this.#spec;
    const abort = new AbortController();
    this.#abort = abort;
    const begin = this.#clock.now();
    let late = false;
    const patience = this.#clock.after(timeout, () => {
      late = true;
      abort.abort();
    });
    let percent: number | undefined;
    let reason: string | undefined;
    try {
      percent = await this.#check(this.#target, this.#spec, abort.signal);
    } catch (error) {
      reason = late ? `no answer within ${timeout} ms` : reasonOf(error);
    }
    patience();
    if (this.#abort !== abort) return;
    this.#abort = undefined;
    const took = this.#clock.now() - begin;
    const spread = 1 + ((2 * this.#clock.random() - 1) * jitter) / 100;
    this.#cancel = this.#clock.after(Math.max(0, interval * spread - took), () => this.#run());
    const first = !this.state.known;
    this.state.report(reason === undefined);
    this.#report({
      up: this.state.up,
      first,
      took,
      ...(reason !== undefined && { reason }),
      ...(percent !== undefined && { percent }),
    });
  }
}

/** One line of an error, for listings: those of OpenSSL have several. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n')[0]!.slice(0, REASON_MAX) || 'failed';
}
