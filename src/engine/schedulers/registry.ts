/** Schedulers by name (`ip_vs_schedulers`). */
import { IpvsError } from '../../errors.js';
import type { Scheduler } from '../scheduler.js';
import { dh } from './dh.js';
import { fo } from './fo.js';
import { lblc } from './lblc.js';
import { lblcr } from './lblcr.js';
import { lc } from './lc.js';
import { mh } from './mh.js';
import { nq } from './nq.js';
import { ovf } from './ovf.js';
import { rr } from './rr.js';
import { sed } from './sed.js';
import { sh } from './sh.js';
import { twos } from './twos.js';
import { wlc } from './wlc.js';
import { wrr } from './wrr.js';

/** The kernel's schedulers. `none`, the absence of a scheduler, is the engine's matter. */
export function builtinSchedulers(): Scheduler[] {
  return [rr, wrr, lc, wlc, sed, nq, fo, ovf, twos, sh, dh, mh, lblc, lblcr];
}

/** What a name may be: `IP_VS_SCHEDNAME_MAXLEN` less the final NUL, printable, and not the word for no scheduler. */
const NAME = /^(?!none$)[!-~]{1,15}$/;

/** The schedulers that services may name. Anybody may add one of their own. */
export class SchedulerRegistry {
  private readonly byName = new Map<string, Scheduler>();

  /** @param schedulers what it holds at first: the kernel's. */
  constructor(schedulers: Iterable<Scheduler> = builtinSchedulers()) {
    for (const scheduler of schedulers) this.register(scheduler);
  }

  /** Adds a scheduler. @throws INVALID when its name is taken, `none`, empty, longer than 15 characters, or not printable ASCII without spaces. */
  register(scheduler: Scheduler): void {
    const { name } = scheduler;
    if (!NAME.test(name)) throw new IpvsError('INVALID', `"${name}" is no name for a scheduler`, 'name');
    if (this.byName.has(name))
      throw new IpvsError('INVALID', `a scheduler "${name}" is registered already`, 'name');
    this.byName.set(name, scheduler);
  }

  /** The scheduler of that name, or undefined. */
  get(name: string): Scheduler | undefined {
    return this.byName.get(name);
  }

  /** All names, in the order of registration. */
  names(): string[] {
    return [...this.byName.keys()];
  }
}
