/** Checks in a thread of their own. */
import { Worker } from 'node:worker_threads';
import type { ActiveCheck } from '../control/check-spec.js';
import type { Target } from './checker.js';
import type { Report } from './prober.js';
import type { HealthReport, HealthRequest, HealthWorkerData } from './worker.js';

/** Milliseconds after which checks begin anew when their thread has ended by a fault. */
const AGAIN = 1000;

/** A check that takes the way of a service's packets. */
export interface Way {
  /** The server's own address. */
  readonly near: string;
  /** Has connections from this port of the host to the check's target go to the server. */
  pin(port: number): Promise<unknown>;
  /** They need it no longer. */
  unpin(port: number): void;
}

interface Check {
  readonly target: Target;
  readonly spec: ActiveCheck;
  readonly report: (report: Report) => void;
  readonly way: Way | undefined;
}

/** The thread. It is started by the first check, so that who checks nothing has none. */
export class ProbeThread {
  readonly #data: HealthWorkerData;
  readonly #onError: (error: Error) => void;
  readonly #checks = new Map<number, Check>();
  /** Ports that checks have connections from. */
  readonly #ports = new Map<number, number>();
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
  start(target: Target, spec: ActiveCheck, report: (report: Report) => void, way?: Way): () => void {
    const id = this.#next++;
    const check = { target, spec, report, way };
    this.#checks.set(id, check);
    // while none runs because of a fault, the one to come will be told
    if (this.#again === undefined) this.#beginCheck(id, check);
    return () => {
      this.#checks.delete(id);
      this.#unpin(id, check);
      this.#tell({ id, kind: 'end' });
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
    worker.on('message', (reports: HealthReport[]) => {
      for (const report of reports) this.#heard(report);
    });
    worker.on('error', (error) => {
      if (this.#stopped) return;
      this.#worker = undefined;
      for (const [id, check] of this.#checks) this.#unpin(id, check);
      this.#onError(error as Error);
      this.#again = setTimeout(() => this.#resume(), AGAIN);
    });
    this.#worker = worker;
    return worker;
  }

  #resume(): void {
    this.#again = undefined;
    for (const [id, check] of this.#checks) this.#beginCheck(id, check);
  }

  #beginCheck(id: number, { target, spec, way }: Check): void {
    this.#begin();
    this.#tell({ id, kind: 'begin', target, spec, ...(way !== undefined && { near: way.near }) });
  }

  #tell(request: HealthRequest): void {
    this.#worker?.postMessage(request);
  }

  #heard(message: HealthReport): void {
    const { id } = message;
    const check = this.#checks.get(id);
    // it has been ended meanwhile
    if (check === undefined) return;
    switch (message.kind) {
      case 'report':
        check.report(message.report);
        break;
      case 'pin':
        this.#ports.set(id, message.port);
        check.way?.pin(message.port).then(
          () => this.#tell({ id, kind: 'pinned' }),
          (error: Error) => this.#tell({ id, kind: 'pinned', error: error.message }),
        );
        break;
      case 'unpin':
        this.#unpin(id, check);
    }
  }

  #unpin(id: number, { way }: Check): void {
    const port = this.#ports.get(id);
    if (port !== undefined) way?.unpin(port);
    this.#ports.delete(id);
  }
}
