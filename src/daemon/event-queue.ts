/** Events on their way to one listener: a bounded queue that says how many it could not keep. */
import type { DirectorEvent } from '../control/events.js';

/** Events that wait for a slow listener at most. */
const QUEUE = 10_000;

/** Filled by `push`, emptied by reading. */
export class EventQueue implements AsyncIterable<DirectorEvent> {
  readonly #stop: AbortSignal;
  readonly #limit: number;
  #events: DirectorEvent[] = [];
  /** Not kept since the last event that was. */
  #lost = 0;
  #wake: () => void = () => {};

  constructor(stop: AbortSignal, limit: number = QUEUE) {
    this.#stop = stop;
    this.#limit = limit;
    stop.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** Adds an event, or counts it as lost. @param lost events before it that somebody else could not keep. */
  push(event: DirectorEvent): void {
    if (this.#events.length >= this.#limit) {
      this.#lost += event.event === 'lost' ? event.count : 1;
      return;
    }
    if (this.#lost > 0) {
      this.#events.push({ time: event.time, event: 'lost', count: this.#lost });
      this.#lost = 0;
    }
    this.#events.push(event);
    this.#wake();
  }

  /** Ends when the signal is aborted; what is queued then is not given. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DirectorEvent> {
    while (!this.#stop.aborted) {
      if (this.#events.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const events = this.#events;
      this.#events = [];
      for (const event of events) {
        if (this.#stop.aborted) return;
        yield event;
      }
      if (this.#lost > 0 && this.#events.length === 0) {
        const count = this.#lost;
        this.#lost = 0;
        yield { time: new Date().toISOString(), event: 'lost', count };
      }
    }
  }
}
