/** The thread that checks: in the network namespace of the director, which is a thread's own property. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ActiveCheck } from '../control/check-spec.js';
import { enterNetns } from '../linux/netns.js';
import type { Target } from './checker.js';
import { Prober, type Report, SYSTEM_CLOCK } from './prober.js';
import { ServiceWay } from './service-way.js';

/** What the thread is started with. */
export interface HealthWorkerData {
  /** Network namespace by its name; the process's own when absent. */
  readonly netns?: string;
}

/** What it is told about the check with this number. */
export type HealthRequest = { readonly id: number } & (
  | {
      readonly kind: 'begin';
      readonly target: Target;
      readonly spec: ActiveCheck;
      /** The server's own address, when the check is to take the way of the service's packets; see {@link ServiceWay}. */
      readonly near?: string;
    }
  | { readonly kind: 'end' }
  /** What was asked for with `pin` is done; or not, and why. */
  | { readonly kind: 'pinned'; readonly error?: string }
);

/** What it tells: some of these at a time, in their order. */
export type HealthReport = { readonly id: number } & (
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'pin'; readonly port: number }
  | { readonly kind: 'unpin' }
);

interface Check {
  readonly prober: Prober;
  readonly way: ServiceWay | undefined;
  /** What was told last. */
  up?: boolean;
  /** Whoever waits for `pinned`. */
  waiting?: (error?: string) => void;
}

/** How long what says that all is as it was may wait for more of its kind, ms: each message wakes the main thread. */
const TOGETHER = 100;

const port = parentPort!;
const { netns } = workerData as HealthWorkerData;
if (netns !== undefined) enterNetns(netns);
const checks = new Map<number, Check>();
const untold: HealthReport[] = [];

function tell(report: HealthReport): void {
  untold.push(report);
  tellAll();
}

/** As {@link tell}, when others are told. */
function tellLater(report: HealthReport): void {
  untold.push(report);
  if (untold.length === 1) setTimeout(tellAll, TOGETHER);
}

function tellAll(): void {
  if (untold.length > 0) port.postMessage(untold.splice(0));
}

port.on('message', (request: HealthRequest) => {
  const { id } = request;
  const check = checks.get(id);
  switch (request.kind) {
    case 'begin':
      return begin(id, request.target, request.spec, request.near);
    case 'pinned':
      return check?.waiting?.(request.error);
    case 'end':
      check?.prober.stop();
      check?.way?.free();
      checks.delete(id);
  }
});

function begin(id: number, target: Target, spec: ActiveCheck, near: string | undefined): void {
  const way = near === undefined ? undefined : new ServiceWay(near, pin, unpin);
  const report = (said: Report): void => {
    const check = checks.get(id)!;
    const isNew = said.up !== check.up || said.reason !== undefined || said.percent !== undefined;
    check.up = said.up;
    (isNew ? tell : tellLater)({ id, kind: 'report', report: said });
  };
  const prober = new Prober(target, spec, report, SYSTEM_CLOCK, way && ((...args) => way.check(...args)));
  checks.set(id, { prober, way });
  prober.start();

  function pin(localPort: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = checks.get(id);
      if (check === undefined) return reject(new Error('ended'));
      check.waiting = (error) => (error === undefined ? resolve() : reject(new Error(error)));
      tell({ id, kind: 'pin', port: localPort });
    });
  }
  function unpin(): void {
    tell({ id, kind: 'unpin' });
  }
}
