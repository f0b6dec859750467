/** Checks in a thread of their own. */
import { Worker } from 'node:worker_threads';
import type { CheckSpec } from '../control/check-spec.js';
import type { Target } from './checker.js';
import type { Report } from './prober.js';
import type { HealthReport, HealthRequest, HealthWorkerData } from './worker.js';

/** The thread. It is started by the first check, so that who checks nothing has none. */
export class ProbeThread {
  readonly #data: HealthWorkerData;
  readonly #onError: (error: Error) => void;
  readonly #listeners = new Map<number, (report: Report) => void>();
  #worker: Worker | undefined;
  #next = 0;

  /** @param onError told when the thread has ended by a fault; no check is done any more. */
  constructor(data: HealthWorkerData, onError: (error: Error) => void) {
    this.#data = data;
    this.#onError = onError;
  }

  /** Checks `target` again and again; see `StartProbe`. */
  start(target: Target, spec: CheckSpec, report: (report: Report) => void): () => void {
    const id = this.#next++;
    this.#listeners.set(id, report);
    this.#post({ id, target, spec });
    return () => {
      this.#listeners.delete(id);
      this.#post({ id });
    };
  }

  /** Ends the thread. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
    this.#listeners.clear();
  }

  #post(request: HealthRequest): void {
    this.#worker ??= this.#begin();
    this.#worker.postMessage(request);
  }

  #begin(): Worker {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: this.#data });
    worker.on('message', ({ id, report }: HealthReport) => this.#listeners.get(id)?.(report));
    worker.on('error', this.#onError);
    return worker;
  }
}
