/** The directors of a daemon: what all of them have can be asked for, and set, as one configuration. */
import { dirname } from 'node:path';
import { executeBatch } from '../../control/batch.js';
import type {
  Args,
  BatchResult,
  Change,
  CommandName,
  CommandRequest,
  ConfigText,
  Director,
  Result,
} from '../../control/command.js';
import { detailOf } from '../../control/command-error.js';
import { isConfigCommand, readArgs } from '../../control/command-table.js';
import { IpvsError } from '../../errors.js';
import { type DirectorOf, makeSteps, StepError } from './apply.js';
import { type Config, type DaemonSettings, settingsOf } from './config.js';
import type { Defaults } from './managed.js';
import { mergeText } from './merge.js';
import { placedPath } from './place.js';
import { plan } from './plan.js';
import { configError } from './problems.js';
import type { ConfigReader } from './reader.js';
import { readDefaults } from './running-state.js';
import { Served } from './served.js';
import { settingChanges } from './settings.js';
import { openSource } from './source.js';
import { orderedSteps } from './step.js';
import { Turnstile } from './turnstile.js';

/** Commands that change nothing. */
const READING = /^(info|stats|proc|.*\.(get|list))$/;

/** How the daemon was started. */
export interface Start {
  readonly reader: ConfigReader;
  /** What it runs with. */
  readonly settings: DaemonSettings;
  /** Those of the settings that flags have set: no file changes them. */
  readonly flags: DaemonSettings;
  /** What a director has to which nothing has been said; when left out, what the default one has now. */
  readonly defaults?: Defaults;
}

/** What a configuration comes to. */
interface Planned {
  readonly config: Config;
  readonly changes: Change[];
}

/** Stands before the directors of a daemon: carries out `config.*`, and hands on all other commands. */
export class Configurator {
  readonly #directorOf: DirectorOf;
  readonly #start: Start;
  readonly #served: Served;
  /** Namespaces that the configuration applied last has named. */
  #named: readonly string[] = [];
  readonly #turnstile = new Turnstile();

  private constructor(directorOf: DirectorOf, start: Start, served: Served) {
    this.#directorOf = directorOf;
    this.#start = start;
    this.#served = served;
  }

  /** @param directorOf directors to which no command has been given yet. */
  static async open(directorOf: DirectorOf, start: Start): Promise<Configurator> {
    const served = new Served(directorOf, start.defaults ?? (await readDefaults(directorOf())));
    return new Configurator(directorOf, start, served);
  }

  /** The director of a network namespace, or of the default one. Configurations are about all of them. */
  director(netns?: string): Required<Director> {
    const name = netns === this.#start.settings.netns?.[0] ? undefined : netns;
    const execute = <N extends CommandName>(command: N, args: Args<N>): Promise<Result<N>> => {
      if (isConfigCommand(command)) return this.#configure(command, args) as Promise<Result<N>>;
      if (READING.test(command)) return this.#directorOf(netns).execute(command, args);
      return this.#turnstile.together(() => {
        this.#served.note(name, { command, args } as CommandRequest);
        return this.#directorOf(netns).execute(command, args);
      });
    };
    return { execute, batch: (commands) => this.#batch(netns, name, execute, commands) };
  }

  #batch(
    netns: string | undefined,
    name: string | undefined,
    execute: Director['execute'],
    commands: readonly CommandRequest[],
  ): Promise<BatchResult> {
    if (commands.some(({ command }) => isConfigCommand(String(command))))
      return executeBatch({ execute }, commands);
    if (commands.every(({ command }) => READING.test(command))) {
      return executeBatch(this.#directorOf(netns), commands);
    }
    return this.#turnstile.together(() => {
      for (const request of commands) this.#served.note(name, request);
      return executeBatch(this.#directorOf(netns), commands);
    });
  }

  async #configure(command: Extract<CommandName, `config.${string}`>, args: unknown): Promise<unknown> {
    if (command === 'config.get') {
      readArgs(command, args);
      return this.#turnstile.alone(() => this.#served.config());
    }
    const source = readArgs(command, args);
    return this.#turnstile.alone(async () => {
      if (command === 'config.merge') return { text: await this.#merge(source) };
      return {
        changes: command === 'config.plan' ? (await this.#plan(source)).changes : await this.#apply(source),
      };
    });
  }

  async #merge({ text, file = 'request' }: ConfigText): Promise<string> {
    const said = await this.#start.reader.read(text, file);
    return mergeText(text, said, await this.#served.parts());
  }

  async #plan({ text, file = 'request' }: ConfigText): Promise<Planned> {
    const { reader, settings, flags } = this.#start;
    const config = await reader.read(text, file);
    const wanted = config.namespaces ?? {};
    this.#refuseDefault(config, text, file);
    const served = new Set(await this.#served.names());
    const changes = settingChanges(settings, { ...settingsOf(config, dirname(file)), ...flags });
    changes.push(...(await this.#served.get().plan(config)));
    for (const [name, part] of Object.entries(wanted)) {
      if (!served.has(name)) changes.push({ kind: 'netns', after: { name } });
      const there = served.has(name) ? this.#served.get(name).plan(part) : plan(this.#served.fresh(), part);
      for (const change of await there) changes.push({ ...change, netns: name });
    }
    for (const name of this.#named) {
      if (served.has(name) && !Object.hasOwn(wanted, name)) changes.push(...(await this.#planAway(name)));
    }
    return { config, changes };
  }

  /** The default namespace has its place already. */
  #refuseDefault({ namespaces = {} }: Config, text: string, file: string): void {
    const [first] = this.#start.settings.netns ?? [];
    if (first === undefined || !Object.hasOwn(namespaces, first)) return;
    const place = `namespaces.${first}`;
    const message = `${place}: this is the default namespace: what is for it stands at the top`;
    throw configError(file, text, [openSource(text).problemAt(place, message, true)]);
  }

  /** A namespace that is named no longer: it is served no longer, unless the daemon was started with it. */
  async #planAway(name: string): Promise<Change[]> {
    if (this.#start.settings.netns?.includes(name)) {
      return (await this.#served.get(name).plan({})).map((change) => ({ ...change, netns: name }));
    }
    return [{ kind: 'netns', before: { name, ...(await this.#served.get(name).unusual()) } }];
  }

  async #apply(source: ConfigText): Promise<Change[]> {
    const { config, changes } = await this.#plan(source);
    try {
      await makeSteps(this.#directorOf, orderedSteps(changes));
    } catch (error) {
      this.#served.forget();
      throw error instanceof StepError ? refusal(error, source, config) : error;
    }
    this.#served.get().applied(config);
    const namespaces = Object.entries(config.namespaces ?? {});
    for (const [name, part] of namespaces) this.#served.get(name).applied(part);
    for (const name of this.#named) {
      if (!Object.hasOwn(config.namespaces ?? {}, name)) this.#served.get(name).applied({});
    }
    this.#named = namespaces.map(([name]) => name);
    return changes;
  }
}

/** Why a configuration was not applied, with its place where it has one. */
function refusal({ reason, command, remains }: StepError, source: ConfigText, config: Config): IpvsError {
  const place = placedPath(command, reason.field, config);
  const left =
    remains === undefined ? '' : `; what had been done could not all be taken back: ${remains.message}`;
  if (place === undefined) {
    return new IpvsError('BAD_CONFIG', `${command.request.command} was refused: ${reason.message}${left}`);
  }
  const message = `${place}: ${detailOf(reason)}${left}`;
  const { text, file = 'request' } = source;
  return configError(file, text, [openSource(text).problemAt(place, message, false)]);
}
