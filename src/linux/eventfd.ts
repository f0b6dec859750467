/** eventfd(2): wakes a thread that sleeps in poll(2). Any thread of the process may signal it by its number. */
import { checked } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

// read(2) fills the first eight bytes; the last eight are the 1 that signal() writes
const scratch = new Memory(16);
new BigUint64Array(scratch.bytes.buffer)[1] = 1n;

/** A counter that is readable while it is not 0. */
export class EventFd {
  readonly fd: number;

  /** @param fd an eventfd that another thread has made; a new one when left out. */
  constructor(fd = checked(libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 'eventfd')) {
    this.fd = fd;
  }

  /** Makes it readable. */
  signal(): void {
    libc.write(this.fd, scratch.address + 8, 8);
  }

  /** Makes it unreadable again. */
  clear(): void {
    libc.read(this.fd, scratch.address, 8);
  }

  close(): void {
    closeFd(this.fd);
  }
}
