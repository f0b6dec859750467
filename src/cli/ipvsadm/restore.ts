/** `-R`: a text of command lines. There are no quotes and no comments. */
import { executeBatch } from '../../control/batch.js';
import type { BatchResult, CommandRequest, Director } from '../../control/command.js';
import { IpvsError } from '../../errors.js';
import { stopFor } from './director-errors.js';

/** Words that stand for the program itself: saved rules may be command lines in full. */
const PROGRAM = 'ipvsadm';

/** The lines that have words, as words. */
export function restoreLines(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(/[ \t\r]+/).filter((word) => word !== '' && word !== PROGRAM))
    .filter((words) => words.length > 0);
}

/** Commands that the director is asked for at once, at most. */
const BATCH = 1000;

/**
 * Commands on their way to the director, in the order of their lines. What becomes of each is what would have become of it if it had
 * been carried out before the next line was read; only that is known later.
 */
export class PendingChanges {
  readonly #director: Director;
  readonly #failed: (error: unknown) => number;
  #pending: CommandRequest[] = [];

  /** @param failed told of each line that ends in a Stop; gives its status, or throws what ends the program. */
  constructor(director: Director, failed: (error: unknown) => number) {
    this.#director = director;
    this.#failed = failed;
  }

  /** Takes one more. @returns the status of the newest line that is known, undefined when none is. */
  async add(request: CommandRequest): Promise<number | undefined> {
    this.#pending.push(request);
    return this.#pending.length < BATCH ? undefined : this.settle();
  }

  /** Has them all carried out. @returns the status of the last one, undefined when there was none. */
  async settle(): Promise<number | undefined> {
    let status: number | undefined;
    while (this.#pending.length > 0) {
      const { results, error } = await this.#carryOut();
      if (results.length > 0) status = 0;
      if (error !== undefined)
        status = this.#failed(stopFor(this.#pending[results.length]!.command, error, 255));
      this.#pending = error === undefined ? [] : this.#pending.slice(results.length + 1);
    }
    return status;
  }

  async #carryOut(): Promise<BatchResult> {
    try {
      return await executeBatch(this.#director, this.#pending);
    } catch (error) {
      // nothing of it was carried out: the first line hears why
      if (error instanceof IpvsError) return { results: [], error };
      throw error;
    }
  }
}
