/** UDP sockets on the director itself, without an event loop: scenarios are played one step after the other. */
import { checked, EAGAIN, lastErrno, systemError } from '../../../src/linux/errno.js';
import { closeFd } from '../../../src/linux/fd.js';
import { AF_INET, AF_INET6 } from '../../../src/wire/inet.js';
import { libc } from './libc.js';
import { type Endpoint, fromSockaddr, SOCKADDR, toSockaddr } from './socket-address.js';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/** A datagram that came. */
export interface Datagram {
  data: Uint8Array;
  from: Endpoint;
}

/** A bound, non-blocking UDP socket. */
export class UdpSocket {
  readonly #fd: number;
  readonly #data = new Uint8Array(65_536);
  readonly #from = new Uint8Array(SOCKADDR);
  readonly #fromLength = new Uint32Array(1);

  constructor(local: Endpoint) {
    const family = local.addr.includes(':') ? AF_INET6 : AF_INET;
    this.#fd = checked(libc.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
    const address = toSockaddr(local);
    checked(libc.bind(this.#fd, address, address.length), `bind(${local.addr})`);
  }

  /** Throws a `SystemError` when the kernel refuses the datagram. */
  send(data: Uint8Array, to: Endpoint): void {
    const address = toSockaddr(to);
    checked(libc.sendto(this.#fd, data, data.length, 0, address, address.length), `sendto(${to.addr})`);
  }

  /** What has arrived; undefined when nothing (more) has. */
  receive(): Datagram | undefined {
    this.#fromLength[0] = SOCKADDR;
    const length = libc.recvfrom(this.#fd, this.#data, this.#data.length, 0, this.#from, this.#fromLength);
    if (length >= 0) return { data: this.#data.slice(0, length), from: fromSockaddr(this.#from) };
    if (lastErrno() === EAGAIN) return undefined;
    throw systemError('recvfrom');
  }

  close(): void {
    closeFd(this.#fd);
  }
}
