/** `ipvsd unpin`: puts back what a daemon that was run with `--pin` has left to go on. */
import { openDatapath } from '../daemon/datapath.js';
import { createLogger } from '../daemon/logger.js';

/**
 * Ends what goes on without a daemon in a network namespace: devices, routing rules, programs, maps, addresses, sysctls. The state on record stays.
 * @param netns by its name; the process's own when left out. @throws ALREADY_SERVED while a daemon has it, NO_NETNS, NOT_PERMITTED
 */
export async function unpin(netns: string | undefined): Promise<void> {
  // a data path begins with what it finds, and leaves nothing
  const datapath = await openDatapath({ fastPath: 'none' }, netns, createLogger('error', 'text'));
  await datapath.stop();
}
