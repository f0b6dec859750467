/** The TUN data path as the daemon's main thread sees it: a director whose engine lives in another thread. */
import { Worker } from 'node:worker_threads';
import type { Args, CommandName, Result } from '../control/command.js';
import { fromCommandError } from '../control/command-error.js';
import type { TunDatapathOptions } from '../datapath/tun/tun-datapath.js';
import { IpvsError } from '../errors.js';
import { EventFd } from '../linux/eventfd.js';
import type { Defaults } from './config/managed.js';
import type { Datapath } from './datapath.js';
import { type EngineSettings, engineSettings } from './engine.js';
import type { Logger } from './logger.js';
import type { ServerAnswers } from './server-answers.js';
import type { BatchOutcome } from './steered-director.js';
import type { Seen } from './watcher.js';
import type { WorkerMessage, WorkerOptions, WorkerTask } from './worker.js';

/** How to start it. */
export type TunDatapathStart = Omit<TunDatapathOptions, 'wake'> &
  EngineSettings &
  Pick<WorkerOptions, 'restore'> & { readonly log: Logger };

/** The running data path. */
export interface TunDatapath extends Datapath {
  batch: NonNullable<Datapath['batch']>;
  /** Packets and drops by reason. */
  counters(): Promise<Result<'counters'>>;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Starts the thread with the engine and its packets.
 * @returns when traffic can be steered. Rejects with ALREADY_SERVED, NOT_PERMITTED, NO_NETNS or SYSTEM.
 */
export async function startTunDatapath(options: TunDatapathStart): Promise<TunDatapath> {
  const wake = new EventFd();
  const unread = new Int32Array(new SharedArrayBuffer(4));
  let onSeen: (events: readonly Seen[]) => void = () => {};
  const { log, netns, device, rulePriority, table, stateDirectory, fastPath, xdp, interfaces } = options;
  const { redirectPeer, busyPoll, restore, pin } = options;
  const steered = { netns, device, rulePriority, table, stateDirectory, restore, pin };
  const given = { ...steered, fastPath, xdp, redirectPeer, interfaces, busyPoll };
  const workerData: WorkerOptions = {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...engineSettings(options),
    wake: wake.fd,
    unread: unread.buffer,
  };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let stopping = false;

  const call = (request: WorkerTask): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(ended);
        return;
      }
      const id = nextId++;
      pending.set(id, { resolve, reject });
      worker.postMessage({ ...request, id });
      // the thread sleeps in poll(2), where a message alone does not reach it
      wake.signal();
    });

  let ended: Error | undefined;
  let onFailure: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    onFailure = reject;
  });
  // whoever does not wait for it must not be struck by it
  failed.catch(() => {});
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
    if (!stopping) onFailure(ended);
  };

  const ready = new Promise<Defaults>((resolve, reject) => {
    failed.catch(reject);
    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'ready':
          return resolve(message.defaults);
        case 'failed':
          return end(fromCommandError(message.error));
        case 'log':
          return log[message.level](message.message, message.fields);
        case 'seen':
          Atomics.sub(unread, 0, 1);
          return onSeen(message.events);
        default: {
          const waiting = pending.get(message.id);
          pending.delete(message.id);
          if (message.kind === 'done') waiting?.resolve(message.result);
          else waiting?.reject(fromCommandError(message.error));
        }
      }
    });
    worker.on('error', end);
    worker.on('exit', () => end(new IpvsError('SYSTEM', 'the data path has ended')));
  });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  let defaults: Defaults;
  try {
    defaults = await ready;
  } catch (error) {
    await exited;
    wake.close();
    throw error;
  }
  return {
    defaults,
    failed,
    execute: <N extends CommandName>(name: N, args: Args<N>) => call({ name, args }) as Promise<Result<N>>,
    batch: async (commands) => {
      const { results, error } = (await call({ name: 'batch', commands })) as BatchOutcome;
      return { results, ...(error !== undefined && { error: fromCommandError(error) }) };
    },
    counters: () => call({ name: 'counters', args: {} }) as Promise<Result<'counters'>>,
    probe: (probe) => call({ name: 'probe', probe }) as Promise<null>,
    answers: (service) => call({ name: 'answers', service }) as Promise<ServerAnswers[]>,
    watch: (watch, seen) => {
      onSeen = seen;
      // a data path that has ended has nothing more to see
      call({ name: 'watch', watch }).catch(() => {});
    },
    stop: async (forget = false) => {
      if (stopping) return exited;
      stopping = true;
      if (ended === undefined) await call({ name: 'stop', forget });
      // the thread looks whether it is to end when it wakes
      wake.signal();
      await exited;
      wake.close();
    },
  };
}
