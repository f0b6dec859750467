/** Carrying out changes: all of them or none. */
import { executeBatch } from '../../control/batch.js';
import type { CommandRequest, Director } from '../../control/command.js';
import { IpvsError } from '../../errors.js';
import type { PlacedCommand, PlacedStep } from './step.js';

/** Commands that a director is given at once. */
const BATCH = 1000;

/** Why steps were not made. */
export class StepError extends Error {
  override readonly name = 'StepError';
  /** What the director said. */
  readonly reason: IpvsError;
  /** The command that it refused. */
  readonly command: PlacedCommand;
  /** Why what had been done before could not be taken back; undefined when nothing has changed. */
  readonly remains: IpvsError | undefined;

  constructor(reason: IpvsError, command: PlacedCommand, remains: IpvsError | undefined) {
    super(reason.message, { cause: reason });
    this.reason = reason;
    this.command = command;
    this.remains = remains;
  }
}

/** The director of a network namespace, or of the default one. */
export type DirectorOf = (netns?: string) => Director;

/** Makes the steps in order. When one is refused those before it are taken back, the last one first. @throws StepError */
export async function makeSteps(directorOf: DirectorOf, steps: readonly PlacedStep[]): Promise<void> {
  const { done, error } = await run(
    directorOf,
    steps.map(({ make }) => make),
  );
  if (error === undefined) return;
  const back = steps
    .slice(0, done)
    .reverse()
    .flatMap(({ undo }) => undo);
  throw new StepError(error, steps[done]!.make, await takeBack(directorOf, back));
}

/** Carries out as many commands as can be. @returns the first error */
async function takeBack(
  directorOf: DirectorOf,
  commands: readonly PlacedCommand[],
): Promise<IpvsError | undefined> {
  let first: IpvsError | undefined;
  for (let at = 0; at < commands.length; ) {
    const { done, error } = await run(directorOf, commands.slice(at));
    first ??= error;
    at += done + 1;
  }
  return first;
}

/** Carries out commands until one fails. */
async function run(
  directorOf: DirectorOf,
  commands: readonly PlacedCommand[],
): Promise<{ done: number; error?: IpvsError }> {
  for (let at = 0; at < commands.length; ) {
    const { netns, requests } = batchAt(commands, at);
    try {
      const { results, error } = await executeBatch(directorOf(netns), requests);
      if (error !== undefined) return { done: at + results.length, error };
    } catch (error) {
      // the whole batch was refused
      if (error instanceof IpvsError) return { done: at, error };
      throw error;
    }
    at += requests.length;
  }
  return { done: commands.length };
}

/** The next commands that go to one namespace. */
function batchAt(
  commands: readonly PlacedCommand[],
  at: number,
): { netns: string | undefined; requests: CommandRequest[] } {
  const { netns } = commands[at]!;
  const requests: CommandRequest[] = [];
  for (let i = at; i < commands.length && requests.length < BATCH && commands[i]!.netns === netns; i++) {
    requests.push(commands[i]!.request);
  }
  return { netns, requests };
}
