import { setTimeout as sleep } from 'node:timers/promises';
import { IpvsError } from '../errors.js';
import type { OpenNamespace } from './namespaces.js';

/** How long another daemon may take to repair a namespace, ms, */
const PATIENCE = 3000;
/** and how often it is looked whether it has. */
const PAUSE = 50;

/**
 * Opens namespaces that another daemon may just now be repairing, because its own one was killed (see `repairLeftovers`): it lets go of them at once.
 * @returns `open`, which rejects with ALREADY_SERVED only when that goes on.
 */
export function patiently(open: OpenNamespace): OpenNamespace {
  return async (netns) => {
    for (const end = performance.now() + PATIENCE; ; ) {
      try {
        return await open(netns);
      } catch (error) {
        const held = error instanceof IpvsError && error.code === 'ALREADY_SERVED';
        if (!held || performance.now() > end) throw error;
        await sleep(PAUSE);
      }
    }
  };
}
