/** The thread that checks: in the network namespace of the director, which is a thread's own property. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckSpec } from '../control/check-spec.js';
import { enterNetns } from '../linux/netns.js';
import type { Target } from './checker.js';
import { Prober, type Report } from './prober.js';

/** What the thread is started with. */
export interface HealthWorkerData {
  /** Network namespace by its name; the process's own when absent. */
  readonly netns?: string;
}

/** What it is told: begin a check, end it. */
export type HealthRequest =
  | { readonly id: number; readonly target: Target; readonly spec: CheckSpec }
  | { readonly id: number };

/** What it tells. */
export interface HealthReport {
  readonly id: number;
  readonly report: Report;
}

const port = parentPort!;
const { netns } = workerData as HealthWorkerData;
if (netns !== undefined) enterNetns(netns);
const probers = new Map<number, Prober>();

port.on('message', (request: HealthRequest) => {
  const { id } = request;
  if (!('spec' in request)) {
    probers.get(id)?.stop();
    probers.delete(id);
    return;
  }
  const tell = (report: Report): void => port.postMessage({ id, report } satisfies HealthReport);
  const prober = new Prober(request.target, request.spec, tell);
  probers.set(id, prober);
  prober.start();
});
