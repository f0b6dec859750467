/** File descriptors. */
import { checked } from './errno.js';
import { libc } from './libc.js';

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

/** open(2); close-on-exec is added. */
export function openFd(path: string, flags: number): number {
  return checked(libc.open(path, flags | O_CLOEXEC), `open(${path})`);
}

/** close(2). A descriptor is gone whatever close says, so it says nothing. */
export function closeFd(fd: number): void {
  libc.close(fd);
}
