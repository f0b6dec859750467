/** Choices of schedulers that are known in advance: whoever has them can open connections in the scheduler's stead, as long as service and dests stay as they are. */
import type { Dest } from './dest.js';
import type { Service } from './service.js';

/** The choices of one service's scheduler, which the engine shares with somebody who takes them as well. */
export interface Turns {
  /** The next choice, which nobody else gets. */
  take(): Dest | null;
}

/**
 * The choices to come, in their order; after the last comes the first again. The scheduler is left as it is.
 * @param most longer cycles are none.
 * @returns undefined when the scheduler cannot tell, when it has no choice, and when there is no end to them.
 */
export function cycleOf(svc: Service, most: number): Dest[] | undefined {
  const { scheduler, schedData } = svc;
  if (scheduler?.next === undefined) return undefined;
  const data = schedData as Record<string, number>;
  const before = { ...data };
  const dests: Dest[] = [];
  let dest = scheduler.next(svc);
  const after = Object.entries(data);
  const isBack = (): boolean => after.every(([name, value]) => data[name] === value);
  while (dest !== null && dests.length < most) {
    dests.push(dest);
    dest = scheduler.next(svc);
    if (isBack()) break;
  }
  const complete = dest !== null && isBack();
  Object.assign(data, before);
  return complete ? dests : undefined;
}
