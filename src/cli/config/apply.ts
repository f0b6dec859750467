/** `ipvsd plan` and `ipvsd apply`: a configuration and the running daemon. */
import type { Director } from '../../control/command.js';
import { planText, summary } from './plan-text.js';
import { readSource } from './read-source.js';

/** What applying a configuration would change. */
export async function plan(director: Director, file: string): Promise<string> {
  const { changes } = await director.execute('config.plan', readSource(file));
  return planText(changes);
}

/** Applies a configuration; says how much was changed. */
export async function apply(director: Director, file: string): Promise<string> {
  const { changes } = await director.execute('config.apply', readSource(file));
  return changes.length === 0 ? 'No changes.\n' : `Applied: ${summary(changes)}\n`;
}
