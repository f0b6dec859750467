/** Keeps the real servers of services as their health asks for. */

import type { CheckSpec } from '../control/check-spec.js';
import type { DestSpec, Director, ServiceKey } from '../control/command.js';
import { IpvsError } from '../errors.js';
import type { Target } from './checker.js';
import type { ProberClock, Report } from './prober.js';
import { desiredDests, type FailurePolicy, type ServerHealth } from './service-policy.js';

/** A real server with its checks; it is up when all of them say so. */
export interface CheckedServer {
  readonly dest: DestSpec;
  readonly checks: readonly CheckSpec[];
}

/** A service whose servers are checked. */
export interface CheckedService extends FailurePolicy {
  readonly service: ServiceKey;
  readonly servers: readonly CheckedServer[];
}

/** One check of one server, for listings. */
export interface CheckStatus {
  readonly type: CheckSpec['type'];
  readonly up: boolean;
  /** Why the last one failed. */
  readonly reason?: string;
  /** How long the last answer took, ms; absent before the first. */
  readonly took?: number;
}

/** One server, for listings. */
export interface ServerStatus {
  readonly address: string;
  readonly port: number;
  readonly up: boolean;
  readonly checks: readonly CheckStatus[];
}

/** One service, for listings. */
export interface ServiceStatus {
  readonly service: ServiceKey;
  readonly quorum: boolean;
  readonly servers: readonly ServerStatus[];
}

/** Something that was noticed. */
export type HealthEvent =
  | {
      readonly kind: 'server';
      readonly service: ServiceKey;
      readonly dest: DestSpec;
      readonly up: boolean;
      readonly reason?: string;
    }
  | { readonly kind: 'quorum'; readonly service: ServiceKey; readonly quorum: boolean }
  | { readonly kind: 'refused'; readonly service: ServiceKey; readonly error: IpvsError };

/** Starts the checks of one kind at one server, and tells what they say. @returns a function that ends them. */
export type StartProbe = (target: Target, spec: CheckSpec, report: (report: Report) => void) => () => void;

/** What the keeper needs of the world. */
export interface HealthWorld {
  readonly director: Director;
  readonly probe: StartProbe;
  readonly clock: ProberClock;
  readonly onEvent: (event: HealthEvent) => void;
}

/** All services that are checked. */
export class HealthKeeper {
  readonly #world: HealthWorld;
  #services: ServiceKeeper[] = [];

  constructor(world: HealthWorld) {
    this.#world = world;
  }

  /** Checks these services and no others from now on. What is configured as before goes on as it is. */
  configure(services: readonly CheckedService[]): void {
    const old = new Map(this.#services.map((keeper) => [keeper.identity, keeper]));
    this.#services = services.map((service) => {
      const identity = JSON.stringify(service);
      const kept = old.get(identity);
      old.delete(identity);
      return kept ?? new ServiceKeeper(service, identity, this.#world);
    });
    for (const keeper of old.values()) keeper.stop();
  }

  /** How everything is. */
  status(): ServiceStatus[] {
    return this.#services.map((keeper) => keeper.status());
  }

  /** Ends all checks; services stay as they are. */
  stop(): void {
    this.configure([]);
  }
}

interface Probe {
  readonly spec: CheckSpec;
  last?: Report;
  end?: () => void;
}

interface Server {
  readonly dest: DestSpec;
  readonly probes: readonly Probe[];
  backSince?: number;
}

class ServiceKeeper {
  readonly identity: string;
  readonly #service: CheckedService;
  readonly #servers: readonly Server[];
  readonly #world: HealthWorld;
  /** What was last asked for, by {@link nameOf}. */
  #present: Map<string, DestSpec>;
  #quorum = true;
  /** Commands go one after the other. */
  #work: Promise<void> = Promise.resolve();
  #cancelGrowth: (() => void) | undefined;
  #stopped = false;

  constructor(service: CheckedService, identity: string, world: HealthWorld) {
    this.identity = identity;
    this.#service = service;
    this.#world = world;
    this.#present = new Map(service.servers.map(({ dest }) => [nameOf(dest), dest]));
    this.#servers = service.servers.map(({ dest, checks }) => ({
      dest,
      probes: checks.map((spec): Probe => ({ spec })),
    }));
    for (const server of this.#servers) {
      for (const probe of server.probes) {
        const target = { address: server.dest.address, port: probe.spec.port ?? server.dest.port };
        probe.end = world.probe(target, probe.spec, (report) => this.#heard(server, probe, report));
      }
    }
    this.#settle();
  }

  status(): ServiceStatus {
    return {
      service: this.#service.service,
      quorum: this.#quorum,
      servers: this.#servers.map((server) => ({
        address: server.dest.address,
        port: server.dest.port,
        up: isUp(server),
        checks: server.probes.map(({ spec, last }) => ({
          type: spec.type,
          up: last?.up ?? spec.start === 'up',
          ...(last?.reason !== undefined && { reason: last.reason }),
          ...(last !== undefined && { took: last.took }),
        })),
      })),
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelGrowth?.();
    for (const { probes } of this.#servers) for (const { end } of probes) end?.();
  }

  #heard(server: Server, probe: Probe, report: Report): void {
    const before = isUp(server);
    const percentBefore = percentOf(server);
    const first = probe.last === undefined;
    probe.last = report;
    const up = isUp(server);
    if (up !== before) {
      // a server that was never up did not come back
      if (up && !first) server.backSince = this.#world.clock.now();
      const { service } = this.#service;
      const { reason } = report;
      this.#world.onEvent({
        kind: 'server',
        service,
        dest: server.dest,
        up,
        ...(reason !== undefined && { reason }),
      });
    }
    if (up !== before || percentOf(server) !== percentBefore) this.#settle();
  }

  /** Brings the service to what its servers' health asks for. */
  #settle(): void {
    this.#cancelGrowth?.();
    const { now, after } = this.#world.clock;
    const desired = desiredDests(this.#service, this.#servers.map(healthOf), this.#quorum, now());
    if (desired.quorum !== this.#quorum) {
      this.#quorum = desired.quorum;
      this.#world.onEvent({ kind: 'quorum', service: this.#service.service, quorum: desired.quorum });
    }
    if (desired.growsAt !== undefined)
      this.#cancelGrowth = after(desired.growsAt - now(), () => this.#settle());
    this.#work = this.#work.then(() => this.#apply(desired.dests));
  }

  async #apply(dests: readonly DestSpec[]): Promise<void> {
    const wanted = new Map(dests.map((dest) => [nameOf(dest), dest]));
    // who takes over comes before those that go
    for (const [name, dest] of wanted) {
      const present = this.#present.get(name);
      if (present === undefined) await this.#command('dest.add', dest);
      else if (present.weight !== dest.weight) await this.#command('dest.edit', dest);
    }
    for (const [name, dest] of this.#present) if (!wanted.has(name)) await this.#command('dest.delete', dest);
    this.#present = wanted;
  }

  async #command(name: 'dest.add' | 'dest.edit' | 'dest.delete', dest: DestSpec): Promise<void> {
    if (this.#stopped) return;
    const { service } = this.#service;
    try {
      const { address, port } = dest;
      if (name === 'dest.delete')
        await this.#world.director.execute(name, { service, dest: { address, port } });
      else await this.#world.director.execute(name, { service, dest });
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      // somebody changed the service by hand: their will is done, and heard of
      this.#world.onEvent({ kind: 'refused', service, error });
    }
  }
}

const nameOf = ({ address, port }: DestSpec): string => `${address} ${port}`;

function isUp({ probes }: Server): boolean {
  return probes.every(({ spec, last }) => last?.up ?? spec.start === 'up');
}

/** The least that a check asks for; the whole when none does. */
function percentOf({ probes }: Server): number {
  return Math.min(100, ...probes.map(({ last }) => last?.percent ?? 100));
}

function healthOf(server: Server): ServerHealth {
  const { dest, backSince } = server;
  return {
    dest,
    up: isUp(server),
    percent: percentOf(server),
    ...(backSince !== undefined && { backSince }),
  };
}
