/**
 * The functions of libc that ipvsd calls. A buffer is handed over as a typed array, which is safe; or, on the packet path, as an address, a plain
 * number below 2^53, so that a call in the middle of a buffer allocates nothing.
 */
import koffi from 'koffi';

// the process itself exports its libc, whichever it is
const lib = koffi.load(null);

/** A buffer, or an address in one that something else keeps alive (see {@link addressOf}); 0 for a null pointer. */
export type Pointer = number | Uint8Array | Int32Array | Uint32Array;

export const libc = {
  open: lib.func('int open(const char *path, int flags)') as (path: string, flags: number) => number,
  close: lib.func('int close(int fd)') as (fd: number) => number,
  read: lib.func('intptr_t read(int fd, void *buffer, size_t length)') as (
    fd: number,
    buffer: Pointer,
    length: number,
  ) => number,
  write: lib.func('intptr_t write(int fd, void *buffer, size_t length)') as (
    fd: number,
    buffer: Pointer,
    length: number,
  ) => number,
  poll: lib.func('int poll(void *fds, ulong count, int timeout)') as (
    fds: Pointer,
    count: number,
    timeout: number,
  ) => number,
  eventfd: lib.func('int eventfd(uint32_t initial, int flags)') as (initial: number, flags: number) => number,
  setns: lib.func('int setns(int fd, int type)') as (fd: number, type: number) => number,
  ioctl: lib.func('int ioctl(int fd, ulong request, void *argument)') as (
    fd: number,
    request: number,
    argument: Pointer,
  ) => number,
  socket: lib.func('int socket(int domain, int type, int protocol)') as (
    domain: number,
    type: number,
    protocol: number,
  ) => number,
  bind: lib.func('int bind(int fd, void *address, uint32_t length)') as (
    fd: number,
    address: Pointer,
    length: number,
  ) => number,
  connect: lib.func('int connect(int fd, void *address, uint32_t length)') as (
    fd: number,
    address: Pointer,
    length: number,
  ) => number,
  getsockopt: lib.func('int getsockopt(int fd, int level, int name, void *value, void *length)') as (
    fd: number,
    level: number,
    name: number,
    value: Pointer,
    length: Pointer,
  ) => number,
  setsockopt: lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)') as (
    fd: number,
    level: number,
    name: number,
    value: Pointer,
    length: number,
  ) => number,
  sendto: lib.func(
    'intptr_t sendto(int fd, void *buffer, size_t length, int flags, void *address, uint32_t addressLength)',
  ) as (
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
    address: Pointer,
    addressLength: number,
  ) => number,
  recvfrom: lib.func(
    'intptr_t recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *addressLength)',
  ) as (
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
    address: Pointer,
    addressLength: Pointer,
  ) => number,
  recv: lib.func('intptr_t recv(int fd, void *buffer, size_t length, int flags)') as (
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
  ) => number,
} as const;

/**
 * The address of a buffer's first byte. It keeps nothing alive: something that lives as long as the address is used must hold the buffer and be seen
 * to use it (a variable that is never read again does not count: the garbage collector knows). The buffer is to have more than 64 bytes or come from
 * {@link stableBytes}: the smallest typed arrays lie where they are moved.
 */
export function addressOf(buffer: Uint8Array | Int32Array | Uint32Array | DataView): number {
  return Number(koffi.address(buffer));
}

/** Zeroed bytes that never move, whatever their number. */
export function stableBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** Zeroed bytes with their address, which is good as long as this object is reachable. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly address: number;

  constructor(length: number) {
    this.bytes = stableBytes(length);
    this.address = addressOf(this.bytes);
  }
}
