/**
 * The functions of libc that ipvsd calls. Buffers are typed arrays, except on the packet path: there they are addresses, plain numbers (below 2^53),
 * so that a call in the middle of a buffer allocates nothing.
 */
import koffi from 'koffi';

// the process itself exports its libc, whichever it is
const lib = koffi.load(null);

type Bytes = Uint8Array | Int32Array | Uint32Array;

export const libc = {
  open: lib.func('int open(const char *path, int flags)') as (path: string, flags: number) => number,
  close: lib.func('int close(int fd)') as (fd: number) => number,
  eventfd: lib.func('int eventfd(uint32_t initial, int flags)') as (initial: number, flags: number) => number,
  setns: lib.func('int setns(int fd, int type)') as (fd: number, type: number) => number,
  ioctl: lib.func('int ioctl(int fd, ulong request, void *argument)') as (
    fd: number,
    request: number,
    argument: Bytes,
  ) => number,
  /** ioctl(2) for requests whose argument is a number. */
  ioctlNumber: lib.func('int ioctl(int fd, ulong request, ulong argument)') as (
    fd: number,
    request: number,
    argument: number,
  ) => number,
  socket: lib.func('int socket(int domain, int type, int protocol)') as (
    domain: number,
    type: number,
    protocol: number,
  ) => number,
  bind: lib.func('int bind(int fd, void *address, uint32_t length)') as (
    fd: number,
    address: Bytes,
    length: number,
  ) => number,
  getsockopt: lib.func('int getsockopt(int fd, int level, int name, void *value, void *length)') as (
    fd: number,
    level: number,
    name: number,
    value: Bytes,
    length: Uint32Array,
  ) => number,
  setsockopt: lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)') as (
    fd: number,
    level: number,
    name: number,
    value: Bytes,
    length: number,
  ) => number,
  send: lib.func('intptr_t send(int fd, void *buffer, size_t length, int flags)') as (
    fd: number,
    buffer: Bytes,
    length: number,
    flags: number,
  ) => number,
  recv: lib.func('intptr_t recv(int fd, void *buffer, size_t length, int flags)') as (
    fd: number,
    buffer: Bytes,
    length: number,
    flags: number,
  ) => number,

  // the packet path
  poll: lib.func('int poll(uintptr_t fds, ulong count, int timeout)') as (
    fds: number,
    count: number,
    timeout: number,
  ) => number,
  read: lib.func('intptr_t read(int fd, uintptr_t buffer, size_t length)') as (
    fd: number,
    buffer: number,
    length: number,
  ) => number,
  write: lib.func('intptr_t write(int fd, uintptr_t buffer, size_t length)') as (
    fd: number,
    buffer: number,
    length: number,
  ) => number,
  sendto: lib.func(
    'intptr_t sendto(int fd, uintptr_t buffer, size_t length, int flags, uintptr_t address, uint32_t addressLength)',
  ) as (
    fd: number,
    buffer: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ) => number,
} as const;

/**
 * The address of `bytes[0]`. It is good only as long as something that lives holds `bytes`: an address keeps nothing alive.
 * @param bytes more than 64 of them, or made from an ArrayBuffer: the smallest typed arrays lie where the garbage collector moves them.
 */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi.address(bytes));
}

/** Zeroed bytes with their address, which is good as long as this object lives. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly address: number;

  constructor(length: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(length));
    this.address = addressOf(this.bytes);
  }
}
