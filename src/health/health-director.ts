/** Stands before a director: what is configured of services whose health is checked is one thing, the weights in force are another. */
import { executeBatch } from '../control/batch.js';
import { canonicalDest, canonicalKey } from '../control/canonical.js';
import type {
  Args,
  BatchResult,
  CommandName,
  CommandRequest,
  Director,
  Result,
  ServiceKey,
} from '../control/command.js';
import { readArgs } from '../control/command-table.js';
import { serviceKey } from '../control/fields.js';
import type { HealthEntry } from '../control/health-fields.js';
import { serviceId } from '../control/resource-id.js';
import { IpvsError } from '../errors.js';
import { annotate } from './annotate.js';
import { type HealthWorld, ServiceKeeper } from './service-keeper.js';

/** Commands that change the servers of services. */
const CHANGING = /^((service|dest)\.(add|edit|delete)|dest\.(drain|undrain)|flush|health\.(set|delete))$/;

/**
 * Carries out `health.*`; has commands about the servers of checked services change what is configured, and their health what is in force;
 * hands on all others. Commands that only look see what is in force, but for `health.list`.
 */
export class HealthDirector implements Required<Director> {
  readonly #world: HealthWorld;
  readonly #keepers = new Map<string, ServiceKeeper>();
  /** Changes wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(world: HealthWorld) {
    this.#world = world;
  }

  /** See {@link Director}; `health.*` also reject with SERVICE_NOT_FOUND and HEALTH_NOT_FOUND. */
  execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    if (name === 'health.list') return this.#list(args) as Promise<Result<N>>;
    if (name === 'explain') return this.#explain(args as Args<'explain'>) as Promise<Result<N>>;
    if (!CHANGING.test(name) || this.#idle(name)) return this.#world.director.execute(name, args);
    return this.#inTurn(() => this.#change(name, args));
  }

  /** See {@link Director}. Commands that are about no checked service go on together. */
  async batch(commands: readonly CommandRequest[]): Promise<BatchResult> {
    if (commands.every(({ command }) => !command.startsWith('health.') && this.#idle(command)))
      return executeBatch(this.#world.director, commands);
    return this.#inTurn(async () => {
      const results: unknown[] = [];
      try {
        while (results.length < commands.length) {
          const { command, args } = commands[results.length]!;
          if (this.#concerns(commands[results.length]!)) {
            results.push(await this.#change(command, args as Args<CommandName>));
            continue;
          }
          let end = results.length;
          while (end < commands.length && !this.#concerns(commands[end]!)) end++;
          const part = await executeBatch(this.#world.director, commands.slice(results.length, end));
          results.push(...part.results);
          if (part.error !== undefined) return { results, error: part.error };
        }
      } catch (error) {
        if (error instanceof IpvsError) return { results, error };
        throw error;
      }
      return { results };
    });
  }

  /** Ends all checks; services stay as they are. */
  stop(): void {
    for (const keeper of this.#keepers.values()) keeper.stop();
    this.#keepers.clear();
  }

  /** Nothing is checked, and nothing changes. */
  #idle(name: CommandName): boolean {
    return this.#keepers.size === 0 && this.#waiting === 0 && !name.startsWith('health.');
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }

  async #list(args: unknown): Promise<HealthEntry[]> {
    readArgs('health.list', args);
    return [...this.#keepers.values()].map((keeper) => keeper.entry());
  }

  async #explain(args: Args<'explain'>): Promise<Result<'explain'>> {
    const explanation = await this.#world.director.execute('explain', args);
    return annotate(explanation, await this.#list({}));
  }

  /** True for commands that are more than the director's own business. */
  #concerns({ command, args }: CommandRequest): boolean {
    if (command.startsWith('health.')) return true;
    if (!CHANGING.test(command)) return false;
    return command === 'flush' || this.#keeperOf(args) !== undefined;
  }

  /** The keeper of the service that an argument, which nobody has checked yet, is about. */
  #keeperOf(args: unknown): ServiceKeeper | undefined {
    if (this.#keepers.size === 0) return undefined;
    const { service } = (args ?? {}) as { service?: ServiceKey };
    try {
      const given =
        service !== undefined && 'fwmark' in service
          ? { fwmark: service.fwmark, family: service.family ?? 'inet' }
          : { protocol: service?.protocol, address: service?.address, port: service?.port };
      return this.#keepers.get(serviceId(canonicalKey(serviceKey.read(given, ''))));
    } catch (error) {
      // what is malformed is the director's to refuse
      if (error instanceof IpvsError) return undefined;
      throw error;
    }
  }

  async #change<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    if (name === 'health.set') return this.#set(readArgs('health.set', args)) as Promise<Result<N>>;
    if (name === 'health.delete') return this.#delete(readArgs('health.delete', args)) as Promise<Result<N>>;
    const keeper = this.#keeperOf(args);
    switch (name) {
      case 'dest.add':
        if (keeper === undefined) break;
        await keeper.add(readArgs('dest.add', args).dest);
        return null as Result<N>;
      case 'dest.edit':
        if (keeper === undefined) break;
        await keeper.edit(readArgs('dest.edit', args));
        return null as Result<N>;
      case 'dest.drain':
        if (keeper === undefined) break;
        await keeper.drain(readArgs('dest.drain', args));
        return null as Result<N>;
      case 'dest.undrain':
        if (keeper === undefined) break;
        await keeper.undrain(readArgs('dest.undrain', args).dest);
        return null as Result<N>;
      case 'dest.delete':
        if (keeper === undefined) break;
        await keeper.remove(readArgs('dest.delete', args).dest);
        return null as Result<N>;
    }
    const result = await this.#world.director.execute(name, args);
    if (name === 'flush') this.stop();
    else if (name === 'service.delete' && keeper !== undefined) {
      keeper.stop();
      this.#keepers.delete(serviceId(keeper.service));
    }
    return result;
  }

  async #set({ service, health }: Args<'health.set'>): Promise<null> {
    const key = canonicalKey(service);
    const id = serviceId(key);
    let keeper = this.#keepers.get(id);
    if (keeper === undefined) {
      const dests = await this.#world.director.execute('dest.list', { service: key });
      const there = dests.filter(({ draining }) => draining === undefined);
      keeper = new ServiceKeeper(key, health, there.map(canonicalDest).reverse(), this.#world, (work) => {
        // what fails here is told as an event, or is the end of the data path, which others tell
        this.#inTurn(work).catch(() => {});
      });
      for (const dest of dests) {
        if (dest.draining) keeper.leave({ ...canonicalDest(dest), weight: dest.draining.weight });
      }
    }
    await keeper.configure(health);
    this.#keepers.set(id, keeper);
    return null;
  }

  async #delete({ service }: Args<'health.delete'>): Promise<null> {
    const id = serviceId(canonicalKey(service));
    const keeper = this.#keepers.get(id);
    if (keeper === undefined) {
      await this.#world.director.execute('service.get', { service });
      throw new IpvsError('HEALTH_NOT_FOUND');
    }
    this.#keepers.delete(id);
    await keeper.release();
    return null;
  }
}
