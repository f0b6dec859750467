/** Network namespaces: those that `ip netns` names. A namespace is a thread's own property. */
import { readFileSync } from 'node:fs';
import { IpvsError } from '../errors.js';
import { checked, ENOENT, SystemError } from './errno.js';
import { closeFd, O_RDONLY, openFd } from './fd.js';
import { libc } from './libc.js';
import { NETNS_DIRECTORY, netnsInode } from './netns-names.js';

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/**
 * Moves this thread, and nothing else of the process, into namespace `name`. A Worker that calls it sees the namespace's
 * sockets, devices and `/proc/sys/net` from then on.
 */
export function enterNetns(name: string): void {
  let fd: number;
  try {
    if (name.includes('/'))
      throw new IpvsError('NO_NETNS', `no name of a network namespace: ${name}`, 'netns');
    fd = openFd(`${NETNS_DIRECTORY}/${name}`, O_RDONLY);
  } catch (error) {
    if (error instanceof SystemError && error.number === ENOENT) {
      throw new IpvsError('NO_NETNS', `no network namespace ${name} in ${NETNS_DIRECTORY}`, 'netns');
    }
    throw error;
  }
  try {
    checked(libc.setns(fd, CLONE_NEWNET), `setns(${name})`);
  } finally {
    closeFd(fd);
  }
}

/** What tells one network namespace from all others. */
export interface NetnsIdentity {
  /** Number of the namespace among those that live now. */
  readonly inode: string;
  /** Never used again: the machine's boot, and a cookie that no later namespace gets (the inode before Linux 5.14). */
  readonly unique: string;
}

/** The identity of this thread's network namespace. */
export function netnsIdentity(): NetnsIdentity {
  const inode = netnsInode()!;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const fd = checked(libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'socket(AF_INET)');
  try {
    const cookie = new Uint8Array(8);
    const length = Uint32Array.of(cookie.length);
    const known = libc.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, length) === 0;
    return { inode, unique: `${boot} ${known ? new BigUint64Array(cookie.buffer)[0] : inode}` };
  } finally {
    closeFd(fd);
  }
}
