/** What the commands of ipvsadm work with. */
import type { Args, CommandName, CommandRequest, Director, Result } from '../../control/command.js';
import { stopFor } from './director-errors.js';
import type { NameResolver } from './names.js';

/** The world around the program. */
export interface IpvsadmIo {
  /** All of the standard input. */
  readonly stdin: () => Promise<string>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly resolver: NameResolver;
}

/** The world and the director. */
export interface Context {
  readonly io: IpvsadmIo;
  readonly director: Director;
}

/** Has a command carried out that changes something. Rejects with a Stop of status 255, after which `-R` goes on. */
export async function change(context: Context, { command, args }: CommandRequest): Promise<void> {
  await execute(context, command, args, 255);
}

/** Has a command carried out that something is listed with. Rejects with a Stop of status 1 that ends the program. */
export function query<N extends CommandName>(context: Context, name: N, args: Args<N>): Promise<Result<N>> {
  return execute(context, name, args, 1);
}

async function execute<N extends CommandName>(
  { director }: Context,
  name: N,
  args: Args<N>,
  status: 1 | 255,
): Promise<Result<N>> {
  try {
    return await director.execute(name, args);
  } catch (error) {
    throw stopFor(name, error, status);
  }
}
