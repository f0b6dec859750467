/** The thread that owns the engine and its packets. It is told what to do by messages (`tun-datapath.ts` sends them). */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { CommandError, CommandName, CommandRequest, ServiceKey } from '../control/command.js';
import { toCommandError } from '../control/command-error.js';
import { drainedData, serviceOf } from '../control/drain-list.js';
import { EngineDirector } from '../control/engine-director.js';
import { destId, serviceId } from '../control/resource-id.js';
import { VipDirector } from '../control/vip-director.js';
import { statePath } from '../datapath/tun/journal.js';
import { type Report, TunDatapath, type TunDatapathOptions } from '../datapath/tun/tun-datapath.js';
import type { Net } from '../engine/net.js';
import type { SchedulerRegistry } from '../engine/schedulers/registry.js';
import { EventFd } from '../linux/eventfd.js';
import { netnsIdentity } from '../linux/netns.js';
import type { Defaults } from './config/managed.js';
import { createNet, type EngineSettings } from './engine.js';
import type { LogFields, LogLevel } from './logger.js';
import { type ProbeRoute, setProbe } from './probe-route.js';
import { loadSchedulers } from './schedulers.js';
import { serverAnswers } from './server-answers.js';
import { defaultsOf } from './state/restore-rules.js';
import { StateKeeper } from './state/state-keeper.js';
import { type BatchOutcome, SteeredDirector } from './steered-director.js';
import { type Seen, type Watch, Watcher } from './watcher.js';

/** What the thread is started with. */
export type WorkerOptions = TunDatapathOptions &
  EngineSettings & {
    /** One 32-bit integer: bundles of events that were told and not read yet. */
    readonly unread: SharedArrayBuffer;
    /** Goes on from the state that the last data path in the namespace has left, and leaves its own. */
    readonly restore?: boolean;
  };

/** What the thread is told. */
export type WorkerTask =
  | { readonly name: CommandName; readonly args: unknown }
  | { readonly name: 'batch'; readonly commands: readonly CommandRequest[] }
  | { readonly name: 'watch'; readonly watch: Watch }
  | { readonly name: 'probe'; readonly probe: ProbeRoute }
  | { readonly name: 'answers'; readonly service: ServiceKey }
  | { readonly name: 'stop'; readonly forget: boolean };

/** A task, with the number that its answer bears. */
export type WorkerRequest = WorkerTask & { readonly id: number };

/** What the thread tells. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly defaults: Defaults }
  | { readonly kind: 'failed'; readonly error: CommandError }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields?: LogFields | undefined;
    }
  | { readonly kind: 'seen'; readonly events: readonly Seen[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: CommandError };

/** Bundles of events that the main thread has not read yet at most. */
const UNREAD_MAX = 8;

function tell(port: MessagePort, message: WorkerMessage): void {
  port.postMessage(message);
}

/** Runs the thread on `port`. */
async function serve(
  port: MessagePort,
  options: WorkerOptions,
  schedulers: SchedulerRegistry,
): Promise<void> {
  const report: Report = (level, message, fields) => tell(port, { kind: 'log', level, message, fields });
  const datapath = new TunDatapath(options, report);
  let stopped = false;
  try {
    const net = createNet(datapath.host, options, schedulers);
    const defaults = defaultsOf(net.ipvs);
    const keeper = openKeeper(net, options, defaults, report);
    const left = keeper?.restore();
    datapath.attach(net, keeper?.carried);
    const wake = new EventFd(options.wake);
    const engine = new EngineDirector(net, () => ({ ...datapath.counters, ...keeper?.counters }));
    const vips = new VipDirector(engine, datapath);
    const director = new SteeredDirector(keeper?.recording(vips) ?? vips, datapath, () => {
      // packets have their turn, and `turn` comes back at once
      wake.signal();
      return new Promise((resolve) => setImmediate(resolve));
    });
    /** What is told when packets are steered as it says. */
    const answers: WorkerMessage[] = [];

    const unread = new Int32Array(options.unread);
    const watcher = new Watcher(net, (events) => {
      if (Atomics.load(unread, 0) >= UNREAD_MAX) return false;
      Atomics.add(unread, 0, 1);
      tell(port, { kind: 'seen', events });
      return true;
    });
    datapath.onTurn = () => {
      watcher.flush();
      keeper?.turn();
    };
    net.ipvs.onDrained = (drained) => {
      // the engine removes by itself, which no command tells of
      director.changed(serviceOf(drained.dest));
      keeper?.changed(serviceOf(drained.dest));
      wake.signal();
      watcher.drained(drained);
      const { service, dest, ...what } = drainedData(drained);
      const fields = { service: serviceId(service), server: destId(dest), ...what };
      tell(port, { kind: 'log', level: 'info', message: 'server drained and removed', fields });
    };
    const answer = (request: WorkerRequest): unknown => {
      switch (request.name) {
        case 'stop':
          stopped = true;
          keeper?.close();
          if (request.forget) keeper?.forget();
          datapath.close(!request.forget);
          return null;
        case 'watch':
          watcher.watch(request.watch);
          return null;
        case 'probe':
          setProbe(net.ipvs, request.probe);
          return null;
        case 'answers':
          return serverAnswers(net.ipvs, request.service);
        case 'batch':
          return director.batch(request.commands) satisfies Promise<BatchOutcome>;
        default:
          return director.execute(request.name, request.args);
      }
    };
    port.on('message', async (request: WorkerRequest) => {
      const { id } = request;
      try {
        answers.push({ kind: 'done', id, result: await answer(request) });
      } catch (error) {
        answers.push({ kind: 'refused', id, error: toCommandError(error) });
      }
    });
    const turn = (): void => {
      try {
        if (!stopped) {
          director.steer();
          datapath.refresh();
          keeper?.save();
        }
        for (const message of answers.splice(0)) tell(port, message);
        if (stopped) {
          port.close();
          return;
        }
        datapath.run();
      } catch (error) {
        fail(error);
        return;
      }
      // messages are handled between two turns of the event loop
      setImmediate(turn);
    };
    const fail = (error: unknown): void => {
      stopped = true;
      keeper?.close();
      datapath.close(true);
      tell(port, { kind: 'failed', error: toCommandError(error) });
      port.close();
    };
    if (left !== undefined) {
      await keeper!.resume(left, vips, () => vips.vips);
      datapath.keepVips(vips.vips);
    }
    tell(port, { kind: 'ready', defaults });
    turn();
  } catch (error) {
    datapath.close();
    throw error;
  }
}

/** What keeps the state of this thread's namespace, when that is asked for. */
function openKeeper(
  net: Net,
  { restore = false, pin = false, stateDirectory }: WorkerOptions,
  defaults: Defaults,
  report: Report,
): StateKeeper | undefined {
  if (!restore && !pin) return undefined;
  const { inode, unique } = netnsIdentity();
  const files = {
    rules: statePath(inode, 'rules', stateDirectory),
    conns: statePath(inode, 'conns', stateDirectory),
  };
  return new StateKeeper(net, { ...files, namespace: unique, pinned: pin, defaults }, report);
}

/** Runs the thread, or tells why it cannot. */
async function start(port: MessagePort, options: WorkerOptions): Promise<void> {
  try {
    const schedulers = await loadSchedulers(options.schedulers ?? [], (scheduler, hook, error) => {
      const fields = { scheduler, hook, error: String(error) };
      tell(port, { kind: 'log', level: 'error', message: 'scheduler failed', fields });
    });
    await serve(port, options, schedulers);
  } catch (error) {
    tell(port, { kind: 'failed', error: toCommandError(error) });
    port.close();
  }
}

if (parentPort !== null) await start(parentPort, workerData as WorkerOptions);
