/** A connection to a unix(7) stream socket. */
import { checked, EAGAIN, lastErrno, SystemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, stableBytes } from './libc.js';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const ECONNRESET = 104;
const ENAMETOOLONG = 36;
/** Bytes of `struct sockaddr_un`: family u16, then the path with its end. */
const SOCKADDR_UN = 110;

/** Connected as long as it lives. */
export class UnixStream {
  readonly fd: number;
  readonly #buffer = stableBytes(1 << 18);

  /** @throws SystemError: ENOENT and ECONNREFUSED when nobody listens at `path`. */
  constructor(path: string) {
    const name = Buffer.from(path);
    if (name.length > SOCKADDR_UN - 3) throw new SystemError(`connect(${path})`, ENAMETOOLONG);
    const address = new Uint8Array(SOCKADDR_UN);
    new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
    address.set(name, 2);
    this.fd = checked(libc.socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket(AF_UNIX)');
    try {
      checked(libc.connect(this.fd, address, address.length), `connect(${path})`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Writes all of it, and waits when that is needed. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.subarray(at);
      at += checked(libc.sendto(this.fd, rest, rest.length, MSG_NOSIGNAL, 0, 0), 'send(AF_UNIX)');
    }
  }

  /** What has come; undefined when nothing has. Never waits. @throws SystemError, with ECONNRESET at the other's end */
  read(): Uint8Array | undefined {
    const n = libc.recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    if (n > 0) return this.#buffer.slice(0, n);
    if (n === 0) throw new SystemError('recv(AF_UNIX)', ECONNRESET);
    if (lastErrno() === EAGAIN) return undefined;
    throw new SystemError('recv(AF_UNIX)', lastErrno());
  }

  close(): void {
    closeFd(this.fd);
  }
}
