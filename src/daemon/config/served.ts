/** All that a daemon serves, as configurations see it. */
import type { CommandRequest, ServedConfig } from '../../control/command.js';
import { isNetnsCommand } from '../../control/command-table.js';
import type { DirectorOf } from './apply.js';
import { type Defaults, Managed } from './managed.js';
import type { MergedPart } from './merge.js';
import type { Running } from './plan.js';
import { ServedNamespace } from './served-namespace.js';

/** The network namespaces of a daemon by name; without a name, the default one. */
export class Served {
  readonly #directorOf: DirectorOf;
  readonly #defaults: Defaults;
  /** Those of which anything is known. */
  readonly #known = new Map<string | undefined, ServedNamespace>();

  constructor(directorOf: DirectorOf, defaults: Defaults) {
    this.#directorOf = directorOf;
    this.#defaults = defaults;
  }

  /** What is known of a namespace that is served. */
  get(name?: string): ServedNamespace {
    let found = this.#known.get(name);
    if (found === undefined) {
      found = new ServedNamespace(this.#directorOf(name), new Managed(this.#defaults), this.#defaults);
      this.#known.set(name, found);
    }
    return found;
  }

  /** What a namespace that is added will have. */
  fresh(): Running {
    return { ...this.#defaults, vips: [], sync: [], syncAsked: [], services: new Map() };
  }

  /** Notes that a command was given, in the namespace `name`. */
  note(name: string | undefined, request: CommandRequest): void {
    // a namespace of that name is another one from now on
    if (isNetnsCommand(request.command)) this.#known.delete((request.args as { name: string }).name);
    else this.#known.get(name)?.state.note(request);
  }

  /** What runs has to be asked for again. */
  forget(): void {
    for (const { state } of this.#known.values()) state.forget();
  }

  /** Names of the namespaces that are served beside the default one. */
  async names(): Promise<string[]> {
    const all = await this.#directorOf().execute('netns.list', {});
    const names = all.flatMap(({ name, default: isDefault }) =>
      isDefault || name === undefined ? [] : [name],
    );
    // one that has vanished may come again, as another one
    for (const known of this.#known.keys()) {
      if (known !== undefined && !names.includes(known)) this.#known.delete(known);
    }
    return names;
  }

  /** Everything that is not as it is by itself. */
  async config(): Promise<ServedConfig> {
    const config: ServedConfig = await this.get().unusual();
    for (const name of await this.names()) {
      config.namespaces ??= {};
      config.namespaces[name] = await this.get(name).unusual();
    }
    return config;
  }

  /** What runs in each namespace. */
  async parts(): Promise<MergedPart[]> {
    const parts: MergedPart[] = [];
    for (const name of [undefined, ...(await this.names())]) {
      const served = this.get(name);
      parts.push({ name, running: await served.state.read(), unusual: await served.unusual() });
    }
    return parts;
  }
}
