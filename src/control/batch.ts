/** Many commands as one. */
import { IpvsError } from '../errors.js';
import type { BatchResult, CommandRequest, Director } from './command.js';

/** Carries out commands in order, until one fails: at once where the director can. Rejects only when the whole batch was refused. */
export async function executeBatch(
  director: Director,
  commands: readonly CommandRequest[],
): Promise<BatchResult> {
  if (director.batch !== undefined) return director.batch(commands);
  const results: unknown[] = [];
  for (const { command, args } of commands) {
    try {
      results.push(await director.execute(command, args));
    } catch (error) {
      if (error instanceof IpvsError) return { results, error };
      throw error;
    }
  }
  return { results };
}
