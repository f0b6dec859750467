/** What is known of a network namespace that is served: what runs there, and what of it a configuration has set. */
import type { Change, Director, DirectorConfig } from '../../control/command.js';
import { vipId } from '../../control/config-fields.js';
import type { Defaults, Managed } from './managed.js';
import { compareServices } from './order.js';
import { plan } from './plan.js';
import { RunningState } from './running-state.js';

/** One network namespace. */
export class ServedNamespace {
  readonly state: RunningState;
  readonly #managed: Managed;
  readonly #defaults: Defaults;

  constructor(director: Director, managed: Managed, defaults: Defaults) {
    this.state = new RunningState(director);
    this.#managed = managed;
    this.#defaults = defaults;
  }

  /** What has to change so that `config` holds here. */
  async plan(config: DirectorConfig): Promise<Change[]> {
    return plan(await this.state.read(), this.#managed.complete(config));
  }

  /** Everything that is not as it is by itself. */
  async unusual(): Promise<DirectorConfig> {
    const { sysctl, timeouts, vips, sync, services } = await this.state.read();
    return {
      sysctl: others(sysctl, this.#defaults.sysctl),
      timeouts: others(timeouts, this.#defaults.timeouts),
      vips: [...vips].sort((a, b) => (vipId(a) < vipId(b) ? -1 : 1)),
      sync: [...sync],
      services: [...services.values()].sort(compareServices),
    };
  }

  /** Notes that `config` holds. */
  applied(config: DirectorConfig): void {
    this.state.applied(this.#managed.complete(config));
    this.#managed.applied(config);
  }
}

/** Those of `values` that differ from `defaults`. */
function others<T extends object>(values: T, defaults: Partial<T>): T {
  const usual = new Map(Object.entries(defaults));
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => usual.get(name) !== value)) as T;
}
