/** `ipvsd netns`: the network namespaces that the daemon serves. */
import type { Director } from '../control/command.js';
import { UsageError } from './usage-error.js';

/** What `list` calls the namespace that the daemon itself is in: no file can have this name. */
const OWN = '.';

/**
 * Lists, adds or removes.
 * @param print takes a line without its end.
 * @throws UsageError, and what the daemon refuses.
 */
export async function netns(
  director: Director,
  action: string | undefined,
  name: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  if ((action === 'add' || action === 'remove') && name !== undefined) {
    await director.execute(`netns.${action}`, { name });
  } else if ((action === undefined || action === 'list') && name === undefined) {
    for (const entry of await director.execute('netns.list', {})) {
      print(`${entry.name ?? OWN}${entry.default ? ' (default)' : ''}`);
    }
  } else {
    throw new UsageError('expected "list", "add NAME" or "remove NAME"');
  }
}
