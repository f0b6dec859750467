/** Sockets that only receive: raw(7) by IP protocol, and udp(7) by port. */
import { AF_INET, type InetAddr } from '../wire/inet.js';
import { checked, EAGAIN, lastErrno, SystemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';
import { SOCKADDR_IN6, socketAddress } from './socket-address.js';

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_REUSEADDR = 2;
const SOL_UDP = 17;
const UDP_NO_CHECK6_RX = 102;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const RECEIVE_BUFFER = 8 << 20;
const MSG_TRUNC = 0x20;

/** What a socket listens to. */
export type Listen = { readonly protocol: number } | { readonly port: number };

/** A socket bound to `address`. */
export class ReceiveSocket {
  readonly fd: number;
  readonly address: InetAddr;
  readonly #from = new Memory(SOCKADDR_IN6);
  readonly #fromLength = new Memory(4);
  readonly #fromLengthWord = new Uint32Array(this.#fromLength.bytes.buffer);
  readonly #fromView = new DataView(this.#from.bytes.buffer);

  /** @param address of this host, or the unspecified one of its family. */
  constructor(listen: Listen, address: InetAddr) {
    this.address = address;
    const type = ('port' in listen ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const protocol = 'port' in listen ? 0 : listen.protocol;
    const what = 'port' in listen ? `UDP port ${listen.port}` : `protocol ${listen.protocol}`;
    this.fd = checked(libc.socket(address.family, type, protocol), `socket(${what})`);
    try {
      this.#option(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
      if ('port' in listen) {
        this.#option(SOL_SOCKET, SO_REUSEADDR, 1);
        // tunnels over IPv6 may leave the checksum out (RFC 6935)
        this.#option(SOL_UDP, UDP_NO_CHECK6_RX, 1);
      }
      if (address.family !== AF_INET) this.#option(IPPROTO_IPV6, IPV6_V6ONLY, 1);
      const name = socketAddress(address, 'port' in listen ? listen.port : 0);
      checked(libc.bind(this.fd, name, name.length), `bind(${what})`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Receives one packet to `buffer`: raw sockets give it with its IPv4 header, but without its IPv6 header.
   * @returns its bytes; -1 when there is none. What did not fit was cut.
   */
  receive(buffer: number, capacity: number): number {
    this.#fromLengthWord[0] = SOCKADDR_IN6;
    const n = libc.recvfrom(
      this.fd,
      buffer,
      capacity,
      MSG_TRUNC,
      this.#from.address,
      this.#fromLength.address,
    );
    if (n >= 0) return Math.min(n, capacity);
    const errno = lastErrno();
    if (errno === EAGAIN) return -1;
    throw new SystemError('recvfrom', errno);
  }

  /** True when the packet received last came from `address`. */
  cameFrom({ family, words }: InetAddr): boolean {
    if (family !== this.address.family) return false;
    if (family === AF_INET) return this.#fromView.getInt32(4) === words[0];
    for (let i = 0; i < 4; i++) if (this.#fromView.getInt32(8 + 4 * i) !== words[i]) return false;
    return true;
  }

  close(): void {
    closeFd(this.fd);
  }

  #option(level: number, name: number, value: number): void {
    // none of them is needed to work at all
    libc.setsockopt(this.fd, level, name, Int32Array.of(value), 4);
  }
}
