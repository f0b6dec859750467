/** The command that puts another program in the place of the daemon. */
import { executeBatch } from '../control/batch.js';
import type { Args, CommandName, Director, Result } from '../control/command.js';
import { readArgs } from '../control/command-table.js';
import { IpvsError } from '../errors.js';

/** Waits for the command `upgrade`. */
export class Upgrade {
  /** Settles when it was given, and answered. */
  readonly wanted: Promise<void>;
  readonly #possible: boolean;
  #asked = false;
  #settle: () => void = () => {};

  /** @param possible the daemon leaves its state. */
  constructor(possible: boolean) {
    this.#possible = possible;
    this.wanted = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The same director, but that it takes the command. */
  director(director: Required<Director>): Required<Director> {
    const execute = async <N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> => {
      if (name !== 'upgrade') return director.execute(name, args);
      readArgs(name, args);
      if (!this.#possible)
        throw new IpvsError(
          'NOT_SUPPORTED',
          'the daemon was started without --pin and --restore: nothing would be left',
        );
      this.#asked = true;
      return null as Result<N>;
    };
    return {
      execute,
      batch: (commands) =>
        commands.some(({ command }) => command === 'upgrade')
          ? executeBatch({ execute }, commands)
          : director.batch(commands),
    };
  }

  /** A request was answered. */
  answered(): void {
    if (this.#asked) this.#settle();
  }
}
