/** Trying a configuration on directors of its own: what would be refused, all of it. */
import type { Args, CommandName, Director, ServedConfig } from '../../control/command.js';
import { detailOf } from '../../control/command-error.js';
import { IpvsError } from '../../errors.js';
import { placedPath } from './place.js';
import { NOTHING_RUNS, plan } from './plan.js';
import { orderedSteps, type PlacedStep } from './step.js';

/**
 * The errors that applying `config` would end in, each about its field.
 * @param open makes a director that has nothing yet, and no packets: one for each network namespace.
 */
export async function dryRun(open: () => Director, config: ServedConfig): Promise<IpvsError[]> {
  const errors: IpvsError[] = [];
  const all = [[undefined, config], ...Object.entries(config.namespaces ?? {})] as const;
  for (const [netns, part] of all) {
    // synchronisation daemons need the machine's interfaces
    const { sync: _, ...rest } = part;
    const changes = plan(NOTHING_RUNS, rest).map((change) => ({
      ...change,
      ...(netns !== undefined && { netns }),
    }));
    errors.push(...(await tryAll(open(), orderedSteps(changes), config)));
  }
  return errors;
}

async function tryAll(
  director: Director,
  steps: readonly PlacedStep[],
  config: ServedConfig,
): Promise<IpvsError[]> {
  const errors: IpvsError[] = [];
  for (const { make } of steps) {
    const { command, args } = make.request;
    try {
      await director.execute(command, args as Args<CommandName>);
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      // the servers of a service that was refused have no service: that has been said
      if (command.startsWith('dest.') && error.code === 'SERVICE_NOT_FOUND') continue;
      errors.push(new IpvsError(error.code, detailOf(error), placedPath(make, error.field, config)));
    }
  }
  return errors;
}
