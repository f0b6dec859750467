/** The program `ipvsadm`, with everything around it handed in. */
import type { CommandRequest, Director } from '../../control/command.js';
import type { Context, IpvsadmIo } from './context.js';
import { changeOf, execute } from './execute.js';
import { listAll } from './list.js';
import { parseLine } from './parse.js';
import { PendingChanges, restoreLines } from './restore.js';
import { Stop } from './stop.js';

/**
 * Runs ipvsadm.
 * @param argv the words behind the program's name.
 * @returns the exit status: 0, 1 for listings that failed, 2 for wrong usage, 255 for what the director refused.
 */
export async function runIpvsadm(
  argv: readonly string[],
  io: IpvsadmIo,
  director: Director,
): Promise<number> {
  const context = { io, director };
  try {
    if (argv.length > 0) return await runLine(context, argv, (text) => runLines(context, text));
    await listAll(context, new Set());
    return 0;
  } catch (error) {
    return report(io, error);
  }
}

/** Runs one line; `restore` does what `-R` is for. Gives the status; rejects when the program is to end. */
async function runLine(
  context: Context,
  words: readonly string[],
  restore?: (text: string) => Promise<number>,
): Promise<number> {
  try {
    const line = await parseLine(words, context.io.resolver);
    if (line.command === 'restore' && restore) return await restore(await context.io.stdin());
    await execute(context, line);
    return 0;
  } catch (error) {
    if (error instanceof Stop && error.final) throw error;
    return report(context.io, error);
  }
}

/** Runs the lines of a text. Gives the status of the last one; rejects when one of them ends the program. */
async function runLines(context: Context, text: string): Promise<number> {
  let status = 0;
  const failed = (error: unknown): number => {
    if (error instanceof Stop && error.final) throw error;
    return report(context.io, error);
  };
  const changes = new PendingChanges(context.director, failed);
  for (const words of restoreLines(text)) {
    const request = await readChange(context, words);
    // other lines see, and messages follow, what the lines before them have done
    status = (await (request === undefined ? changes.settle() : changes.add(request))) ?? status;
    if (request === undefined) status = await runLine(context, words);
  }
  return (await changes.settle()) ?? status;
}

/** What a line asks of the director when it changes something and may be right; undefined for all other lines. */
async function readChange(context: Context, words: readonly string[]): Promise<CommandRequest | undefined> {
  try {
    return changeOf(await parseLine(words, context.io.resolver));
  } catch (error) {
    if (error instanceof Stop) return undefined;
    throw error;
  }
}

/** Says why it stopped, and gives the status. Whatever is not a Stop is thrown again. */
function report(io: IpvsadmIo, error: unknown): number {
  if (!(error instanceof Stop)) throw error;
  io[error.stream](`${error.message}\n`);
  return error.status;
}
