/** The network namespaces that a daemon serves (`struct net`): each with an engine and a data path of its own, and nothing in common. */
import { executeBatch } from '../control/batch.js';
import type { Args, BatchResult, CommandName, Director, NetnsEntry, Result } from '../control/command.js';
import { isNetnsCommand, readArgs } from '../control/command-table.js';
import { IpvsError } from '../errors.js';
import { netnsInode } from '../linux/netns-names.js';
import type { Defaults } from './config/managed.js';
import type { Datapath } from './datapath.js';
import { EventHub } from './event-hub.js';
import type { Logger } from './logger.js';

/** Milliseconds between two looks whether the namespaces are still there. */
const WATCH = 1000;

/** Starts the data path of a namespace; without a name, of the one that the daemon is in. */
export type OpenNamespace = (netns: string | undefined) => Promise<Datapath>;

interface Served {
  readonly datapath: Datapath;
  /** Number of the namespace that the name stood for. */
  readonly inode: string | undefined;
}

/** All that are served, by name. The first of them is the default as long as it is there. */
export class Namespaces {
  readonly #open: OpenNamespace;
  readonly #log: Logger;
  readonly #default: string | undefined;
  readonly #served = new Map<string | undefined, Served>();
  /** What happens in any of them. */
  readonly events = new EventHub();
  readonly #timer: NodeJS.Timeout;
  /** Settles when the change that was asked for last has been made: one is made after the other. */
  #changed: Promise<unknown> = Promise.resolve();
  #fail: (error: unknown) => void = () => {};
  /** Rejects when the default namespace's data path ends by itself. */
  readonly failed: Promise<never>;

  private constructor(first: string | undefined, open: OpenNamespace, log: Logger) {
    this.#default = first;
    this.#open = open;
    this.#log = log;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // whoever does not wait for it must not be struck by it
    this.failed.catch(() => {});
    this.#timer = setInterval(() => this.#removeVanished(), WATCH).unref();
  }

  /**
   * Serves namespaces. When one of them cannot be, none is.
   * @param names none: the one that the daemon is in.
   */
  static async open(names: readonly string[], open: OpenNamespace, log: Logger): Promise<Namespaces> {
    const all = names.length > 0 ? names : [undefined];
    const namespaces = new Namespaces(all[0], open, log);
    try {
      for (const name of all) await namespaces.#add(name);
    } catch (error) {
      await namespaces.close();
      throw error;
    }
    return namespaces;
  }

  /** The director of a namespace, or of the default one. Also carries out the commands about namespaces. */
  director(netns?: string): Director {
    const execute = async <N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> => {
      const result = isNetnsCommand(name)
        ? ((await this.#manage(name, args)) as Result<N>)
        : await this.#find(netns).datapath.execute(name, args);
      this.events.done(this.#nameOf(netns), name, args);
      return result;
    };
    return {
      execute,
      batch: async (commands): Promise<BatchResult> => {
        const ours = commands.some(({ command }) => isNetnsCommand(command));
        if (ours) return executeBatch({ execute }, commands);
        const outcome = await executeBatch(this.#find(netns).datapath, commands);
        for (const { command, args } of commands.slice(0, outcome.results.length)) {
          this.events.done(this.#nameOf(netns), command, args);
        }
        return outcome;
      },
    };
  }

  /** What the director of the default namespace had before anything was restored. */
  get defaults(): Defaults {
    return this.#find(undefined).datapath.defaults;
  }

  /** Settles when every data path has answered. */
  async alive(): Promise<void> {
    await Promise.all([...this.#served.values()].map(({ datapath }) => datapath.execute('info', {})));
  }

  /** Stops all data paths, which puts everything back that they changed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn(async () => {
      for (const [name, served] of [...this.#served]) await this.#remove(name, served);
    });
  }

  #nameOf(netns: string | undefined): string | undefined {
    return netns ?? this.#default;
  }

  #find(netns: string | undefined): Served {
    const served = this.#served.get(netns ?? this.#default);
    if (served !== undefined) return served;
    const which =
      netns === undefined ? 'the default namespace is no longer served' : `"${netns}" is not served`;
    throw new IpvsError('NETNS_NOT_SERVED', `${which} (ipvsd netns list)`, 'netns');
  }

  async #manage<N extends CommandName>(name: N, args: Args<N>): Promise<null | NetnsEntry[]> {
    if (name === 'netns.list') {
      readArgs('netns.list', args);
      return this.#list();
    }
    const { name: netns } = readArgs(name as 'netns.add' | 'netns.remove', args);
    return this.#inTurn(async () => {
      if (name === 'netns.add') await this.#add(netns);
      else await this.#remove(netns, this.#find(netns), true);
      this.#log.info(name === 'netns.add' ? 'namespace added' : 'namespace removed', { netns });
      return null;
    });
  }

  #list(): NetnsEntry[] {
    return [...this.#served.keys()].map((name) => ({
      ...(name !== undefined && { name }),
      default: name === this.#default,
    }));
  }

  async #add(name: string | undefined): Promise<void> {
    if (this.#served.has(name)) {
      throw new IpvsError('ALREADY_SERVED', `this daemon serves "${name}" already`, 'name');
    }
    // before it is entered: should the name stand for another one by then, it is found to have vanished
    const inode = netnsInode(name);
    const datapath = await this.#open(name);
    this.#served.set(name, { datapath, inode });
    this.events.add(name, datapath);
    datapath.failed.catch((error) => this.#ended(name, datapath, error));
  }

  async #remove(name: string | undefined, { datapath }: Served, forget = false): Promise<void> {
    this.#served.delete(name);
    this.events.remove(name);
    await datapath.stop(forget);
  }

  /** A data path has ended by itself: the daemon goes on with the others, but not without the default. */
  #ended(name: string | undefined, datapath: Datapath, error: unknown): void {
    if (this.#served.get(name)?.datapath !== datapath) return;
    this.#served.delete(name);
    this.events.remove(name);
    // what it still holds is given back; that it failed is known already
    void this.#inTurn(() => datapath.stop()).catch(() => {});
    if (name === this.#default) this.#fail(error);
    else this.#log.error('namespace failed: no longer served', { netns: name, error: String(error) });
  }

  /** A thread in a namespace keeps it alive: once its name is gone, or another one's, it is to go too. */
  #removeVanished(): void {
    for (const [name, served] of this.#served) {
      if (name === undefined || served.inode === undefined || netnsInode(name) === served.inode) continue;
      void this.#inTurn(async () => {
        if (this.#served.get(name) !== served) return;
        this.#log.warn('namespace vanished: no longer served', { netns: name });
        await this.#remove(name, served, true);
      }).catch((error) => this.#log.error('namespace not removed', { netns: name, error: String(error) }));
    }
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changed.then(change);
    this.#changed = done.catch(() => {});
    return done;
  }
}
