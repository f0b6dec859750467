/** One service's turns: the cycle of its scheduler's choices, which the tc program and the engine take from one after the other. */
import type { Dest } from '../../engine/dest.js';
import type { Service } from '../../engine/service.js';
import type { Turns } from '../../engine/turns.js';

/** {@link Turns} with a cursor in memory that the program has as well. */
export class ServiceTurns implements Turns {
  readonly service: Service;
  /** In the order of the turns. */
  readonly dests: readonly Dest[];
  /** Number of the first in the program's map. */
  readonly first: number;
  readonly #cursor: Int32Array;
  readonly #at: number;
  /** As many turns the scheduler has been told of. */
  #told = 0;

  /** @param cursor where it is counted how many were taken, at `at`; 0 to begin with. */
  constructor(service: Service, dests: readonly Dest[], first: number, cursor: Int32Array, at: number) {
    this.service = service;
    this.dests = dests;
    this.first = first;
    this.#cursor = cursor;
    this.#at = at;
    Atomics.store(cursor, at, 0);
  }

  take(): Dest | null {
    const taken = Atomics.add(this.#cursor, this.#at, 1);
    this.tell(taken);
    return this.dests[(taken >>> 0) % this.dests.length]!;
  }

  /** The turn after the first `taken` ones was taken: the scheduler goes on behind it, if it is not there yet. */
  tell(taken: number): void {
    const steps = (taken + 1 - this.#told) | 0;
    const { service, dests } = this;
    if (steps <= 0 || service.turns !== this) return;
    this.#told = (taken + 1) | 0;
    // where the scheduler stands before the first turn it may never come back to
    for (let left = 1 + ((steps - 1) % dests.length); left > 0; left--) service.scheduler!.next!(service);
  }
}
