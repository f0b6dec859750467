/** Datagrams to a unix socket, which Node itself cannot send. */
import { IpvsError } from '../errors.js';
import { checked } from './errno.js';
import { closeFd } from './fd.js';
import { libc } from './libc.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: family u16, path[108]. */
const PATH_MAX = 108;

/**
 * Sends one datagram and does not wait.
 * @param path where the receiver is bound; a leading `@` means the abstract namespace (unix(7)).
 * @throws INVALID for a path that fits no socket address, SYSTEM when it cannot be sent.
 */
export function sendUnixDatagram(path: string, data: Uint8Array): void {
  const address = socketAddress(path);
  const fd = checked(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'socket(AF_UNIX)');
  try {
    const sent = libc.sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length);
    checked(sent, `sendto(${path})`);
  } finally {
    closeFd(fd);
  }
}

function socketAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  const abstract = path.startsWith('@');
  // a path in the file system ends in a NUL; an abstract name begins with one and ends where the address does
  if (name.length === 0 || name.length + (abstract ? 0 : 1) > PATH_MAX) {
    throw new IpvsError('INVALID', `"${path}" does not fit a unix socket address`);
  }
  const address = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  if (abstract) address[2] = 0;
  return address;
}
