/** What runs in a director, in terms of configurations. Remembered, since asking for ten thousand services takes long. */
import { executeBatch } from '../../control/batch.js';
import { canonicalDest, canonicalKey, canonicalService } from '../../control/canonical.js';
import type {
  CommandRequest,
  ConfiguredService,
  DestEntry,
  Director,
  DirectorConfig,
  ServiceEntry,
  ServiceKey,
} from '../../control/command.js';
import { withHealth } from '../../control/config-fields.js';
import { keyOf } from '../../control/fields.js';
import type { HealthEntry } from '../../control/health-fields.js';
import { healthList } from '../../control/health-list.js';
import { serviceId } from '../../control/resource-id.js';
import { IpvsError } from '../../errors.js';
import { configuredId } from './configured-id.js';
import type { Defaults } from './managed.js';
import type { Running } from './plan.js';

/** The state of one director. It must be told of each command that changes something there. */
export class RunningState {
  readonly #director: Director;
  readonly #services = new Map<string, ConfiguredService>();
  /** Services that commands have changed since. */
  readonly #stale = new Map<string, ServiceKey>();
  /** All services are in `#services` or `#stale`. */
  #complete = false;
  #syncAsked: Running['syncAsked'] = [];

  constructor(director: Director) {
    this.#director = director;
  }

  /** Notes that a command was given, whatever became of it. */
  note({ command, args }: CommandRequest): void {
    if (command === 'flush') {
      // it deletes all, but may have been refused
      this.forget();
    } else if (/^(service|dest|health)\.(add|edit|set|delete|drain|undrain)$/.test(command)) {
      const key = readKey((args as { service?: unknown }).service);
      if (key !== undefined) this.#stale.set(serviceId(key), key);
    }
  }

  /** Nothing is known any more. */
  forget(): void {
    this.#services.clear();
    this.#stale.clear();
    this.#complete = false;
  }

  /** Notes that everything that `wanted` manages is now as it says. */
  applied({ services, sync }: DirectorConfig): void {
    if (sync !== undefined) this.#syncAsked = sync;
    if (services === undefined) return;
    this.#services.clear();
    for (const service of services) this.#services.set(configuredId(service), service);
    this.#stale.clear();
    this.#complete = true;
  }

  /** What runs now. */
  async read(): Promise<Running> {
    const director = this.#director;
    return {
      sysctl: await readSysctls(director),
      timeouts: await director.execute('timeout.get', {}),
      vips: await director.execute('vip.list', {}),
      sync: await director.execute('daemon.list', {}),
      syncAsked: this.#syncAsked,
      services: await this.#readServices(),
    };
  }

  async #readServices(): Promise<ReadonlyMap<string, ConfiguredService>> {
    let entries: ServiceEntry[];
    if (this.#complete) {
      const found = await Promise.all([...this.#stale.values()].map((key) => this.#find(key)));
      entries = found.filter((entry) => entry !== undefined);
      for (const id of this.#stale.keys()) this.#services.delete(id);
    } else {
      this.#services.clear();
      entries = await this.#director.execute('service.list', {});
    }
    // what drains is as good as gone
    const dests = (await this.#dests(entries)).map((all) => all.filter(({ draining }) => !draining));
    const checked = entries.length > 0 ? await this.#checked() : new Map<string, HealthEntry>();
    for (const [i, entry] of entries.entries()) {
      const spec = canonicalService(entry);
      const id = serviceId(spec);
      const health = checked.get(id);
      const service = { ...spec, dests: dests[i]!.map(canonicalDest).reverse() };
      this.#services.set(id, health === undefined ? service : asConfigured(service, health));
    }
    this.#stale.clear();
    this.#complete = true;
    return this.#services;
  }

  async #find(service: ServiceKey): Promise<ServiceEntry | undefined> {
    try {
      return await this.#director.execute('service.get', { service });
    } catch (error) {
      if (error instanceof IpvsError && error.code === 'SERVICE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #checked(): Promise<ReadonlyMap<string, HealthEntry>> {
    const entries = await healthList(this.#director);
    return new Map(entries.map((entry) => [serviceId(entry.service), entry]));
  }

  /** Real servers of each service, the newest first. */
  async #dests(services: readonly ServiceEntry[]): Promise<DestEntry[][]> {
    const commands = services.map(
      (service): CommandRequest => ({
        command: 'dest.list',
        args: { service: keyOf(service) },
      }),
    );
    const { results, error } = await executeBatch(this.#director, commands);
    if (error !== undefined) throw error;
    return results as DestEntry[][];
  }
}

/** A service as it was configured: its health may have changed weights, and removed or added servers. */
function asConfigured(service: ConfiguredService, { health, servers }: HealthEntry): ConfiguredService {
  return withHealth({ ...service, dests: servers.map(({ dest }) => dest) }, health);
}

/** All sysctls. The tab between two numbers is a blank here. */
async function readSysctls(director: Director): Promise<Record<string, string>> {
  const all = Object.entries(await director.execute('sysctl.list', {}));
  return Object.fromEntries(all.map(([name, value]) => [name, value.replaceAll('\t', ' ')]));
}

/** What a director has to which nothing has been said yet. */
export async function readDefaults(director: Director): Promise<Defaults> {
  return {
    sysctl: await readSysctls(director),
    timeouts: await director.execute('timeout.get', {}),
  };
}

/** The identity in a command's argument, which nobody has checked yet; undefined when it is none. */
function readKey(service: unknown): ServiceKey | undefined {
  const { fwmark, family, protocol, address, port } = (service ?? {}) as Record<string, unknown>;
  if (typeof fwmark === 'number') return { fwmark, family: family === 'inet6' ? 'inet6' : 'inet' };
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  return canonicalKey({ protocol: protocol as 'tcp', address, port });
}
