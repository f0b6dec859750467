/** The director in the data path's thread: what commands change is steered before they are answered, and packets go on meanwhile. */
import { executeBatch } from '../control/batch.js';
import type {
  Args,
  CommandError,
  CommandName,
  CommandRequest,
  Director,
  ServiceKey,
} from '../control/command.js';
import { toCommandError } from '../control/command-error.js';
import { toServiceId } from '../control/translate.js';
import type { ServiceId } from '../engine/service.js';

/** What steers. */
export interface Steering {
  /** A service or its dests have changed; any may have when `id` is left out. */
  changed(id?: ServiceId): void;
  /** Brings the kernel up to date. */
  sync(): void;
}

/** What became of a batch, as data. */
export interface BatchOutcome {
  readonly results: readonly unknown[];
  readonly error?: CommandError;
}

/** Commands that change one service, which their argument names. */
const CHANGE_SERVICE = /^(service\.(add|edit|delete)|dest\.(add|edit|delete))$/;
/** How long commands of a batch may keep packets waiting, ms. */
const SLICE = 5;

/** Carries out commands and notes what is to be steered; `steer` is to be called before the answers leave. */
export class SteeredDirector {
  readonly #director: Director;
  readonly #steering: Steering;
  readonly #pause: () => Promise<void>;
  #stale = false;

  /** @param pause lets packets have their turn. */
  constructor(director: Director, steering: Steering, pause: () => Promise<void>) {
    this.#director = director;
    this.#steering = steering;
    this.#pause = pause;
  }

  /** Carries out one command. The director checks what its arguments are. */
  async execute(name: CommandName, args: unknown): Promise<unknown> {
    const result = await this.#director.execute(name, args as Args<CommandName>);
    if (name === 'flush') this.changed();
    else if (CHANGE_SERVICE.test(name)) this.changed(toServiceId((args as { service: ServiceKey }).service));
    return result;
  }

  /** Carries out commands in order, until one fails. */
  async batch(commands: readonly CommandRequest[]): Promise<BatchOutcome> {
    let end = performance.now() + SLICE;
    const execute = async (name: CommandName, args: unknown): Promise<unknown> => {
      const result = await this.execute(name, args);
      if (performance.now() >= end) {
        await this.#pause();
        end = performance.now() + SLICE;
      }
      return result;
    };
    const { results, error } = await executeBatch({ execute: execute as Director['execute'] }, commands);
    return { results, ...(error !== undefined && { error: toCommandError(error) }) };
  }

  /** Steers what commands have changed since the last time. */
  steer(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#steering.sync();
  }

  /** A service, or any of them, has changed. */
  changed(id?: ServiceId): void {
    this.#steering.changed(id);
    this.#stale = true;
  }
}
