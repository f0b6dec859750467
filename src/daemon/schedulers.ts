/** Schedulers of the user's own: modules that the configuration names. */
import { pathToFileURL } from 'node:url';
import type { Scheduler } from '../engine/scheduler.js';
import { guardScheduler } from '../engine/schedulers/guard.js';
import { SchedulerRegistry } from '../engine/schedulers/registry.js';
import { IpvsError } from '../errors.js';

/** Told of a scheduler of the user's that failed; of each of its hooks once. */
export type OnSchedulerFault = (scheduler: string, hook: string, error: unknown) => void;

/**
 * The kernel's schedulers, and those that modules export as `scheduler`.
 * @param modules absolute paths.
 * @throws BAD_CONFIG naming the entry: no such module, no scheduler in it, or a name that is none or taken.
 */
export async function loadSchedulers(
  modules: readonly string[],
  onFault: OnSchedulerFault,
): Promise<SchedulerRegistry> {
  const registry = new SchedulerRegistry();
  for (const [i, path] of modules.entries()) {
    try {
      const own = readScheduler(await import(pathToFileURL(path).href));
      registry.register(guardScheduler(own, (hook, error) => onFault(own.name, hook, error)));
    } catch (error) {
      throw new IpvsError('BAD_CONFIG', `${path}: ${(error as Error).message}`, `schedulers[${i}]`);
    }
  }
  return registry;
}

/** What a module has, once it looks like a scheduler. */
function readScheduler({ scheduler }: { scheduler?: Partial<Scheduler> }): Scheduler {
  if (typeof scheduler?.name !== 'string' || typeof scheduler.schedule !== 'function') {
    throw new Error('expected the export "scheduler" with a name and a function "schedule"');
  }
  return scheduler as Scheduler;
}
