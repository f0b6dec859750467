/** Services together with their real servers. */
import { executeBatch } from '../../control/batch.js';
import type { CommandRequest, DestEntry, ServiceEntry } from '../../control/command.js';
import type { Context } from './context.js';
import { stopFor } from './director-errors.js';
import { keyOf } from './service-name.js';

/** Services whose real servers are asked for at once: one by one, a question costs more than its answer. */
const BATCH = 100;

/**
 * Gives each of `services` with its real servers, in the kernel's order, newest first. Rejects with a Stop of status 1 that ends the program,
 * after those that came before the failure.
 */
export async function* eachService(
  { director }: Context,
  services: readonly ServiceEntry[],
): AsyncGenerator<readonly [ServiceEntry, readonly DestEntry[]]> {
  for (let i = 0; i < services.length; i += BATCH) {
    const some = services.slice(i, i + BATCH);
    const requests = some.map(
      (service): CommandRequest => ({ command: 'dest.list', args: { service: keyOf(service) } }),
    );
    const { results, error } = await executeBatch(director, requests).catch((error: unknown) => {
      throw stopFor('dest.list', error, 1);
    });
    for (const [j, dests] of results.entries()) yield [some[j]!, dests as readonly DestEntry[]];
    if (error !== undefined) throw stopFor('dest.list', error, 1);
  }
}
