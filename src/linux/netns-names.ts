/** The names of network namespaces: files that `ip netns` makes, to which it binds the namespaces. */
import { readdirSync, statSync } from 'node:fs';

/** Where they are. */
export const NETNS_DIRECTORY = '/run/netns';

/** All names. */
export function netnsNames(): string[] {
  try {
    return readdirSync(NETNS_DIRECTORY);
  } catch {
    // nobody has made any
    return [];
  }
}

/**
 * The number of a namespace among those that live now.
 * @param name left out, it is the calling thread's own.
 * @returns undefined when there is no such name.
 */
export function netnsInode(name?: string): string | undefined {
  const path = name === undefined ? '/proc/thread-self/ns/net' : `${NETNS_DIRECTORY}/${name}`;
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.ino}`;
}
