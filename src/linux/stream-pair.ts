/** Two connected ends (socketpair(2)), one of which is to go to another process. */
import { constants } from 'node:os';
import { checked, EAGAIN, lastErrno, systemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, stableBytes } from './libc.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SHUT_WR = 1;
const MSG_DONTWAIT = 0x40;

/** Two ends, both close-on-exec. @throws SystemError */
export function streamPair(): [number, number] {
  const fds = new Int32Array(2);
  checked(libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 'socketpair');
  return [fds[0]!, fds[1]!];
}

/** Our end of a pair. */
export class StreamEnd {
  readonly #fd: number;
  readonly #buffer = stableBytes(4096);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Writes what the other end is to read, and nothing more than that ever. */
  writeLast(bytes: Uint8Array): void {
    libc.write(this.#fd, bytes, bytes.length);
    libc.shutdown(this.#fd, SHUT_WR);
  }

  /** What has come; `undefined` when nothing has yet, `'end'` when nothing will. Never waits. */
  read(): Uint8Array | 'end' | undefined {
    const n = libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    if (n > 0) return this.#buffer.slice(0, n);
    if (n === 0) return 'end';
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    // closed by somebody who has not read what we have written
    if (errno === constants.errno.ECONNRESET) return 'end';
    throw systemError('recv(AF_UNIX)');
  }

  close(): void {
    closeFd(this.#fd);
  }
}
