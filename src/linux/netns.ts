/** Network namespaces: those that `ip netns` names. A namespace is a thread's own property. */
import { IpvsError } from '../errors.js';
import { checked, ENOENT, SystemError } from './errno.js';
import { closeFd, O_RDONLY, openFd } from './fd.js';
import { libc } from './libc.js';

const CLONE_NEWNET = 0x40000000;
const DIRECTORY = '/var/run/netns';

/**
 * Moves this thread, and nothing else of the process, into namespace `name`. A Worker that calls it sees the namespace's
 * sockets, devices and `/proc/sys/net` from then on.
 */
export function enterNetns(name: string): void {
  let fd: number;
  try {
    if (name.includes('/'))
      throw new IpvsError('NO_NETNS', `no name of a network namespace: ${name}`, 'netns');
    fd = openFd(`${DIRECTORY}/${name}`, O_RDONLY);
  } catch (error) {
    if (error instanceof SystemError && error.number === ENOENT) {
      throw new IpvsError('NO_NETNS', `no network namespace ${name} in ${DIRECTORY}`, 'netns');
    }
    throw error;
  }
  try {
    checked(libc.setns(fd, CLONE_NEWNET), `setns(${name})`);
  } finally {
    closeFd(fd);
  }
}
