/** Checks in a thread of their own. */
import { Worker } from 'node:worker_threads';
import type { CheckSpec } from '../control/check-spec.js';
import type { Target } from './checker.js';
import type { Report } from './prober.js';
import type { HealthReport, HealthRequest, HealthWorkerData } from './worker.js';

/** Milliseconds after which checks begin anew when their thread has ended by a fault. */
const AGAIN = 1000;

interface Check {
  readonly target: Target;
  readonly spec: CheckSpec;
  readonly report: (report: Report) => void;
}

/** The thread. It is started by the first check, so that who checks nothing has none. */
export class ProbeThread {
  readonly #data: HealthWorkerData;
  readonly #onError: (error: Error) => void;
  readonly #checks = new Map<number, Check>();
  #worker: Worker | undefined;
  #again: NodeJS.Timeout | undefined;
  #stopped = false;
  #next = 0;

  /** @param onError told when the thread has ended by a fault; another one takes over. */
  constructor(data: HealthWorkerData, onError: (error: Error) => void) {
    this.#data = data;
    this.#onError = onError;
  }

  /** Checks `target` again and again; `report` is told of every answer. @returns a function that ends it. */
  start(target: Target, spec: CheckSpec, report: (report: Report) => void): () => void {
    const id = this.#next++;
    this.#checks.set(id, { target, spec, report });
    // while none runs because of a fault, the one to come will be told
    if (this.#again === undefined) this.#begin().postMessage({ id, target, spec } satisfies HealthRequest);
    return () => {
      this.#checks.delete(id);
      this.#worker?.postMessage({ id } satisfies HealthRequest);
    };
  }

  /** Ends the thread. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#checks.clear();
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #begin(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: this.#data });
    worker.on('message', ({ id, report }: HealthReport) => this.#checks.get(id)?.report(report));
    worker.on('error', (error) => {
      if (this.#stopped) return;
      this.#worker = undefined;
      this.#onError(error as Error);
      this.#again = setTimeout(() => this.#resume(), AGAIN);
    });
    this.#worker = worker;
    return worker;
  }

  #resume(): void {
    this.#again = undefined;
    for (const [id, { target, spec }] of this.#checks) {
      this.#begin().postMessage({ id, target, spec } satisfies HealthRequest);
    }
  }
}
