/** Blocking sockets by system calls, for programs that must not spend their time in an event loop. 64-bit Linux. */
import koffi from 'koffi';
import { checked } from '../../src/linux/errno.js';
import { libc } from '../../src/linux/libc.js';
import { inetBytes, parseInet } from '../../src/wire/inet.js';

const AF_INET = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
/** What is sent has its IP header already (raw(7)). */
const IPPROTO_RAW = 255;

const lib = koffi.load(null);
const own = {
  connect: lib.func('int connect(int fd, void *address, uint32_t length)') as Named,
  listen: lib.func('int listen(int fd, int backlog)') as (fd: number, backlog: number) => number,
  accept: lib.func('int accept(int fd, void *address, void *length)') as (
    fd: number,
    address: number,
    length: number,
  ) => number,
  send: lib.func('intptr_t send(int fd, void *buffer, size_t length, int flags)') as (
    fd: number,
    buffer: number,
    length: number,
    flags: number,
  ) => number,
  usleep: lib.func('int usleep(uint32_t microseconds)') as (microseconds: number) => number,
} as const;
type Named = (fd: number, address: Uint8Array, length: number) => number;

/** send(2), accept(2) and usleep(3). */
export const { send, accept, usleep } = own;

/** A connected socket. @param type `SOCK_STREAM`, `SOCK_DGRAM`, or `SOCK_RAW` for whole IPv4 packets. */
export function connected(type: number, address: string, port: number): number {
  const fd = checked(libc.socket(AF_INET, type, type === SOCK_RAW ? IPPROTO_RAW : 0), 'socket');
  const name = socketAddress(address, port);
  if (type === SOCK_STREAM) tune(fd);
  checked(own.connect(fd, name, name.length), `connect(${address}:${port})`);
  return fd;
}

/** A socket that accepts TCP connections on any address. */
export function listening(port: number): number {
  const fd = checked(libc.socket(AF_INET, SOCK_STREAM, 0), 'socket');
  checked(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1), 4), 'setsockopt');
  const name = socketAddress('0.0.0.0', port);
  checked(libc.bind(fd, name, name.length), `bind(${port})`);
  checked(own.listen(fd, 128), 'listen');
  return fd;
}

/** Sends at once, and waits for nothing longer than five seconds. */
export function tune(fd: number): void {
  checked(libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, Int32Array.of(1), 4), 'setsockopt(TCP_NODELAY)');
  const patience = new Uint8Array(new BigInt64Array([5n, 0n]).buffer);
  for (const name of [SO_RCVTIMEO, SO_SNDTIMEO]) {
    checked(libc.setsockopt(fd, SOL_SOCKET, name, patience, patience.length), 'setsockopt(SO_RCVTIMEO)');
  }
}

/** Lets one `send` on a UDP socket carry many datagrams of `payload` bytes each (udp(7), UDP_SEGMENT). */
export function segmented(fd: number, payload: number): void {
  checked(libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, Int32Array.of(payload), 4), 'setsockopt(UDP_SEGMENT)');
}

/** `struct sockaddr_in`. */
function socketAddress(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(inetBytes(parseInet(address)!), 4);
  return bytes;
}
