/** Keeps the real servers of one service as their health asks for. */
import { canonicalDest } from '../control/canonical.js';
import type { Args, DestKey, DestSpec, Director, ServiceKey } from '../control/command.js';
import { withField } from '../control/command-error.js';
import type { HealthEntry, HealthSpec } from '../control/health-fields.js';
import { changedDest } from '../control/option-fields.js';
import { destId } from '../control/resource-id.js';
import { IpvsError } from '../errors.js';
import { CheckedServer, type StartCheck } from './checked-server.js';
import type { ProberClock, Report } from './prober.js';
import { desiredDests, type ServerHealth } from './service-policy.js';

/** Something that was noticed. */
export type HealthEvent =
  | {
      readonly kind: 'server';
      readonly service: ServiceKey;
      readonly dest: DestKey;
      readonly up: boolean;
      readonly reason?: string;
    }
  | { readonly kind: 'quorum'; readonly service: ServiceKey; readonly alive: boolean }
  | {
      readonly kind: 'refused';
      readonly service: ServiceKey;
      readonly dest: DestKey;
      readonly error: IpvsError;
    };

/** What it needs of the world. */
export interface HealthWorld {
  /** Where servers get the weights that are in force. */
  readonly director: Director;
  /** Starts checks of a server of a service. */
  check(service: ServiceKey): StartCheck;
  /** Whether a server was found down before anything was known here. */
  wasDown?(service: ServiceKey, dest: DestSpec): boolean;
  readonly clock: ProberClock;
  readonly onEvent: (event: HealthEvent) => void;
}

/** How long commands may take to bring the servers that make a quorum, ms: they come one by one. */
const PATIENCE = 1000;

/** One service. Its methods that change servers are to be called one after the other: `inTurn` sees to it for what checks ask for. */
export class ServiceKeeper {
  readonly service: ServiceKey;
  #spec: HealthSpec;
  readonly #servers = new Map<string, CheckedServer>();
  readonly #world: HealthWorld;
  readonly #inTurn: (work: () => Promise<void>) => void;
  /** What the director has. */
  readonly #present: Map<string, DestSpec>;
  /** Servers that are being drained, or were: they are the director's alone, and this is how they were configured. */
  readonly #drained = new Map<string, DestSpec>();
  #alive = true;
  #cancelLook: (() => void) | undefined;
  #stopped = false;

  /**
   * @param dests what the director has, and what is configured: the oldest first.
   * @param inTurn does work when nobody else changes the director's servers.
   */
  constructor(
    service: ServiceKey,
    spec: HealthSpec,
    dests: readonly DestSpec[],
    world: HealthWorld,
    inTurn: (work: () => Promise<void>) => void,
  ) {
    this.service = service;
    this.#spec = spec;
    this.#world = world;
    this.#inTurn = inTurn;
    this.#present = new Map(dests.map((dest) => [destId(dest), dest]));
    for (const dest of dests) this.#servers.set(destId(dest), this.#newServer(dest));
  }

  /** Keeps it by `spec` from now on. What is checked as before goes on as it is. */
  async configure(spec: HealthSpec): Promise<void> {
    await this.#trySorry(spec);
    this.#spec = spec;
    const own = new Map(spec.servers.map((server) => [destId(server), server.checks]));
    for (const [id, server] of this.#servers) server.configure(own.get(id) ?? spec.checks);
    await this.#settle(PATIENCE);
  }

  /** Adds a server. @throws what the director says to it, DEST_EXISTS */
  async add(given: DestSpec): Promise<void> {
    const dest = canonicalDest(given);
    const id = destId(dest);
    if (this.#servers.has(id) || id === this.#sorryId) throw new IpvsError('DEST_EXISTS');
    const server = this.#newServer(dest);
    // checks are begun before it is added: it has the weight that they assume
    server.configure(this.#checksOf(id));
    const first = server.up || dest.weight < 0 ? dest : { ...dest, weight: 0 };
    try {
      await this.#world.director.execute('dest.add', { service: this.service, dest: first });
    } catch (error) {
      server.stop();
      throw error;
    }
    this.#drained.delete(id);
    this.#present.set(id, first);
    this.#servers.set(id, server);
    await this.#settle(PATIENCE);
  }

  /** Changes a server. @throws what the director says to it, DEST_NOT_FOUND */
  async edit({ dest: given, replace = false }: Args<'dest.edit'>): Promise<void> {
    const id = destId(canonicalDest(given));
    const server = this.#servers.get(id);
    const old = server?.dest ?? this.#drained.get(id);
    if (old === undefined) throw new IpvsError('DEST_NOT_FOUND');
    const dest = canonicalDest(changedDest(old, given, replace));
    if (server === undefined) {
      await this.#edit(dest);
      this.#drained.set(id, dest);
      return;
    }
    const present = this.#present.get(id);
    if (present !== undefined) {
      const next = dest.weight < 0 ? dest : { ...dest, weight: Math.min(present.weight, dest.weight) };
      await this.#edit(next);
      this.#present.set(id, next);
    }
    server.change(dest);
    await this.#settle(PATIENCE);
  }

  /** Removes a server. @throws DEST_NOT_FOUND */
  async remove(key: DestKey): Promise<void> {
    const id = destId(canonicalDest({ ...NO_SETTINGS, ...key }));
    const server = this.#servers.get(id);
    if (server === undefined) {
      if (!this.#drained.delete(id)) throw new IpvsError('DEST_NOT_FOUND');
      await this.#world.director.execute('dest.delete', { service: this.service, dest: key });
      return;
    }
    server.stop();
    this.#servers.delete(id);
    await this.#settle(PATIENCE);
  }

  /** Drains a server: its health is nobody's concern any more. @throws what the director says to it, DEST_NOT_FOUND */
  async drain(args: Args<'dest.drain'>): Promise<void> {
    const id = destId(canonicalDest({ ...NO_SETTINGS, ...args.dest }));
    const server = this.#servers.get(id);
    // one that its health has removed has nothing to wait for
    if (server !== undefined && !this.#present.has(id)) return this.remove(args.dest);
    if (server === undefined && !this.#drained.has(id)) throw new IpvsError('DEST_NOT_FOUND');
    await this.#world.director.execute('dest.drain', args);
    if (server === undefined) return;
    server.stop();
    this.#drained.set(id, server.dest);
    this.#servers.delete(id);
    this.#present.delete(id);
    await this.settle();
  }

  /** Leaves a server alone that the director drains already. @param dest as it was before that. */
  leave(dest: DestSpec): void {
    this.#drained.set(destId(dest), dest);
  }

  /** Keeps a server that is being drained. @throws what the director says to it, DEST_NOT_FOUND, INVALID */
  async undrain(key: DestKey): Promise<void> {
    const id = destId(canonicalDest({ ...NO_SETTINGS, ...key }));
    const dest = this.#drained.get(id);
    await this.#world.director.execute('dest.undrain', { service: this.service, dest: key });
    if (dest === undefined) return;
    const server = this.#newServer(dest);
    server.configure(this.#checksOf(id));
    this.#drained.delete(id);
    this.#servers.set(id, server);
    // whatever weight it has now is brought to what its health asks for
    this.#present.set(id, { ...dest, weight: -1 });
    await this.settle();
  }

  /** Checks nothing any more; each server has its configured weight again. */
  async release(): Promise<void> {
    this.stop();
    await this.#make([...this.#servers.values()].map(({ dest }) => dest));
  }

  /** Ends all checks; the director's servers stay as they are. */
  stop(): void {
    this.#stopped = true;
    this.#cancelLook?.();
    for (const server of this.#servers.values()) server.stop();
  }

  /** How it is. */
  entry(): HealthEntry {
    return {
      service: this.service,
      health: this.#spec,
      alive: this.#alive,
      servers: [...this.#servers].map(([id, server]) => ({
        dest: server.dest,
        ...(this.#present.has(id) && { weight: this.#present.get(id)!.weight }),
        up: server.up,
        since: new Date(server.since).toISOString(),
        checks: server.entries(),
      })),
    };
  }

  /** Brings the director's servers to what their health asks for, now. */
  settle(): Promise<void> {
    return this.#settle(0);
  }

  /** @param patience how long a quorum that is lost now may still be reached, ms */
  async #settle(patience: number): Promise<void> {
    if (this.#stopped) return;
    this.#cancelLook?.();
    const { now, after } = this.#world.clock;
    const servers = [...this.#servers.values()].map((server) => server.health());
    const desired = desiredDests(this.#spec, servers, this.#alive, now());
    const waits = this.#alive && !desired.quorum && patience > 0;
    if (desired.quorum !== this.#alive && !waits) {
      this.#alive = desired.quorum;
      this.#world.onEvent({ kind: 'quorum', service: this.service, alive: desired.quorum });
    }
    const look = waits ? patience : desired.growsAt && desired.growsAt - now();
    if (look !== undefined) this.#cancelLook = after(look, () => this.#inTurn(() => this.settle()));
    const { sorryServer: _, ...withoutSorry } = this.#spec;
    await this.#make(waits ? desiredDests(withoutSorry, servers, true, now()).dests : desired.dests);
  }

  get #sorryId(): string | undefined {
    const { sorryServer } = this.#spec;
    return sorryServer && destId(sorryServer);
  }

  /** A sorry server that the director would refuse is to be known before it is needed. */
  async #trySorry({ sorryServer: dest }: HealthSpec): Promise<void> {
    if (dest === undefined) return;
    const id = destId(dest);
    if (this.#servers.has(id)) {
      throw new IpvsError('INVALID', `${id} is one of the real servers already`, 'health.sorryServer');
    }
    if (this.#present.has(id)) return;
    const { director } = this.#world;
    const { service } = this;
    const { address, port } = dest;
    try {
      await director.execute('dest.add', { service, dest: { ...dest, weight: Math.min(dest.weight, 0) } });
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      throw withField(error, `health.sorryServer${error.field?.replace(/^dest/, '') ?? ''}`);
    }
    await director.execute('dest.delete', { service, dest: { address, port } });
  }

  #checksOf(id: string) {
    return this.#spec.servers.find((server) => destId(server) === id)?.checks ?? this.#spec.checks;
  }

  #newServer(dest: DestSpec): CheckedServer {
    const heard = (server: CheckedServer, before: ServerHealth, report: Report) =>
      this.#heard(server, before, report);
    const wasDown = this.#world.wasDown?.(this.service, dest) ?? false;
    return new CheckedServer(dest, wasDown, Date.now(), this.#world.check(this.service), heard);
  }

  #heard(server: CheckedServer, before: ServerHealth, { reason, first }: Report): void {
    const { up, percent } = server.health();
    if (up !== before.up) {
      server.since = Date.now();
      // a server that was never seen down did not come back
      if (up && !first) server.cameBack(this.#world.clock.now());
      const { address, port } = server.dest;
      const dest = { address, port };
      const { service } = this;
      this.#world.onEvent({ kind: 'server', service, dest, up, ...(reason !== undefined && { reason }) });
    }
    if (up !== before.up || percent !== before.percent) this.#inTurn(() => this.settle());
  }

  /** Gives the director these servers, and no others. */
  async #make(dests: readonly DestSpec[]): Promise<void> {
    const wanted = new Map(dests.map((dest) => [destId(dest), dest]));
    // who takes over comes before those that go
    for (const [id, dest] of wanted) {
      const present = this.#present.get(id);
      if (present === undefined) await this.#command('dest.add', dest);
      else if (JSON.stringify(present) !== JSON.stringify(dest)) await this.#command('dest.edit', dest);
    }
    for (const [id, dest] of this.#present) if (!wanted.has(id)) await this.#command('dest.delete', dest);
  }

  /** All settings are known here: what is left out is not there. */
  async #edit(dest: DestSpec): Promise<void> {
    await this.#world.director.execute('dest.edit', { service: this.service, dest, replace: true });
  }

  async #command(name: 'dest.add' | 'dest.edit' | 'dest.delete', dest: DestSpec): Promise<void> {
    const { service } = this;
    const { director, onEvent } = this.#world;
    const key = { address: dest.address, port: dest.port };
    try {
      if (name === 'dest.delete') await director.execute(name, { service, dest: key });
      else if (name === 'dest.edit') await this.#edit(dest);
      else await director.execute(name, { service, dest });
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      onEvent({ kind: 'refused', service, dest: key, error });
      return;
    }
    if (name === 'dest.delete') this.#present.delete(destId(dest));
    else this.#present.set(destId(dest), dest);
  }
}

/** What stands for settings where only the identity matters. */
const NO_SETTINGS = { forward: 'masq', weight: 0, uThreshold: 0, lThreshold: 0 } as const;
