/** What a daemon that was killed has left in network namespaces which this one does not serve. */
import { existsSync } from 'node:fs';
import { journalPath, readJournal } from '../datapath/tun/journal.js';
import { IpvsError } from '../errors.js';
import { netnsInode, netnsNames } from '../linux/netns-names.js';
import type { Logger } from './logger.js';
import type { OpenNamespace } from './namespaces.js';

/**
 * Puts back what was changed there: opening a data path repairs, and stopping it leaves nothing.
 * @param stateDirectory where the records of the changes are.
 */
export async function repairLeftovers(
  open: OpenNamespace,
  log: Logger,
  stateDirectory?: string,
): Promise<void> {
  const seen = new Set<string>();
  for (const name of [undefined, ...netnsNames()]) {
    const inode = netnsInode(name);
    // one has several names, or is this process's own
    if (inode === undefined || seen.has(inode)) continue;
    seen.add(inode);
    const journal = journalPath(inode, stateDirectory);
    // what is pinned waits for its own daemon
    if (!existsSync(journal) || readJournal(journal)?.pinned === true) continue;
    try {
      await (await open(name)).stop();
    } catch (error) {
      // this daemon, or another one that lives, has it
      if (error instanceof IpvsError && error.code === 'ALREADY_SERVED') continue;
      log.warn('namespace not repaired', { netns: name, error: String(error) });
    }
  }
}
