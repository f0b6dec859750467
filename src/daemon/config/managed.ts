/** What configurations have set so far: what one of them no longer mentions gets its default back. */
import type { DirectorConfig } from '../../control/command.js';

type Timeouts = NonNullable<DirectorConfig['timeouts']>;
type Lists = Required<Pick<DirectorConfig, 'vips' | 'sync' | 'services'>>;

/** What a director has when nobody has set anything: all sysctls and timeouts. */
export interface Defaults {
  readonly sysctl: Readonly<Record<string, string>>;
  readonly timeouts: Readonly<Required<Timeouts>>;
}

const NONE: Lists = { vips: [], sync: [], services: [] };

/** A memory of what is managed. What was never mentioned is left to others, such as `ipvsadm`. */
export class Managed {
  readonly #defaults: Defaults;
  #sysctl: Record<string, string> = {};
  #timeouts: Timeouts = {};
  #lists: Partial<Lists> = {};

  constructor(defaults: Defaults) {
    this.#defaults = defaults;
  }

  /** What is to be, once `config` holds. */
  complete({ sysctl = {}, timeouts = {}, vips, sync, services }: DirectorConfig): DirectorConfig {
    return {
      sysctl: { ...this.#sysctl, ...sysctl },
      timeouts: { ...this.#timeouts, ...timeouts },
      ...this.#lists,
      ...(vips !== undefined && { vips }),
      ...(sync !== undefined && { sync }),
      ...(services !== undefined && { services }),
    };
  }

  /** Notes that `config` holds: what it mentions is managed now, and nothing else. */
  applied({ sysctl = {}, timeouts = {}, vips, sync, services }: DirectorConfig): void {
    this.#sysctl = pick(this.#defaults.sysctl, sysctl) as Record<string, string>;
    this.#timeouts = pick<Timeouts>(this.#defaults.timeouts, timeouts);
    this.#lists = pick(NONE, { vips, sync, services });
  }
}

/** Those of `values` whose names `mentioned` has a value for. */
function pick<T extends object>(
  values: T,
  mentioned: { readonly [K in keyof T]?: T[K] | undefined },
): Partial<T> {
  const said = new Map(Object.entries(mentioned));
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => said.get(name) !== undefined),
  ) as Partial<T>;
}
