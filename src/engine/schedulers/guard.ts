/** Schedulers that somebody else has written: whatever they do, packets and commands go on. */
import { IpvsError } from '../../errors.js';
import { Dest } from '../dest.js';
import type { Scheduler, SchedulerContext } from '../scheduler.js';
import type { Service } from '../service.js';

/** Told once of each hook that fails. */
export type OnFault = (hook: string, error: unknown) => void;

/**
 * A scheduler that does what `own` does, and never throws on the packet path: a choice that fails, or that is no real server in use by the
 * service, is none. A service that `initService` refuses is refused with INVALID.
 */
export function guardScheduler(own: Scheduler, onFault: OnFault): Scheduler {
  const failed = new Set<string>();
  const fault = (hook: string, error: unknown): null => {
    if (!failed.has(hook)) onFault(hook, error);
    failed.add(hook);
    return null;
  };
  const quietly = (
    hook: 'doneService' | 'addDest' | 'delDest' | 'updDest' | 'periodic',
    call: () => void,
  ) => {
    try {
      call();
    } catch (error) {
      fault(hook, error);
    }
  };
  return {
    name: own.name,
    initService: (svc, ctx) => initService(own, svc, ctx),
    doneService: (svc, ctx) => quietly('doneService', () => own.doneService?.(svc, ctx)),
    addDest: (svc, dest, ctx) => quietly('addDest', () => own.addDest?.(svc, dest, ctx)),
    delDest: (svc, dest, index, ctx) => quietly('delDest', () => own.delDest?.(svc, dest, index, ctx)),
    updDest: (svc, dest, ctx) => quietly('updDest', () => own.updDest?.(svc, dest, ctx)),
    periodic: (svc, ctx) => quietly('periodic', () => own.periodic?.(svc, ctx)),
    schedule(svc, packet, iph, ctx) {
      let dest: Dest | null;
      try {
        dest = own.schedule(svc, packet, iph, ctx);
      } catch (error) {
        return fault('schedule', error);
      }
      if (dest === null || (dest instanceof Dest && dest.svc === svc && dest.available)) return dest;
      return fault('schedule', new Error('the choice is no real server of the service'));
    },
  };
}

function initService(own: Scheduler, svc: Service, ctx: SchedulerContext): void {
  try {
    own.initService?.(svc, ctx);
  } catch (error) {
    throw error instanceof IpvsError ? error : new IpvsError('INVALID', String(error), 'scheduler');
  }
}
