/** A director that waits for a daemon which is being started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Args, CommandName, Director, Result } from '../control/command.js';
import { IpvsError } from '../errors.js';
import { ECONNREFUSED, ENOENT, SystemError } from '../linux/errno.js';

/** Between two attempts, ms. */
const PAUSE = 100;

/**
 * The same director, but that a command nobody has taken is tried again for some time.
 * @param patience ms, from the moment that the daemon was first missed.
 */
export function patientDirector(director: Director, patience: number): Director {
  return {
    async execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
      const end = performance.now() + patience;
      for (;;) {
        try {
          return await director.execute(name, args);
        } catch (error) {
          if (!neverAsked(error) || performance.now() >= end) throw error;
          await sleep(PAUSE);
        }
      }
    },
  };
}

/** Whether nobody listened, so that a command cannot have been carried out. */
function neverAsked(error: unknown): boolean {
  if (!(error instanceof IpvsError && error.code === 'NO_DAEMON' && error.cause instanceof SystemError))
    return false;
  const { number } = error.cause;
  return number === ECONNREFUSED || number === ENOENT;
}
