/** The program `ipvsadm`, with everything around it handed in. */
import type { Director } from '../../control/command.js';
import type { Context, IpvsadmIo } from './context.js';
import { execute } from './execute.js';
import { listAll } from './list.js';
import { parseLine } from './parse.js';
import { restoreLines } from './restore.js';
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
  return reported(io, true, async () => {
    if (argv.length === 0) await listAll(context, new Set());
    else return runLine(context, argv, (text) => runLines(context, text));
  });
}

/** Runs one line; `restore` does what `-R` is for. */
async function runLine(
  context: Context,
  words: readonly string[],
  restore?: (text: string) => Promise<number>,
): Promise<number> {
  return reported(context.io, false, async () => {
    const line = await parseLine(words, context.io.resolver);
    if (line.command === 'restore' && restore) return restore(await context.io.stdin());
    await execute(context, line);
  });
}

/** Runs the lines of a text, until one ends the program. Gives the status of the last one. */
async function runLines(context: Context, text: string): Promise<number> {
  let status = 0;
  for (const words of restoreLines(text)) status = await runLine(context, words);
  return status;
}

/** Does `work` and reports how it was stopped; a final Stop is only reported when `all` are. */
async function reported(io: IpvsadmIo, all: boolean, work: () => Promise<number | void>): Promise<number> {
  try {
    return (await work()) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop) || (error.final && !all)) throw error;
    io[error.stream](`${error.message}\n`);
    return error.status;
  }
}
