/**
 * The functions of libc that ipvsd calls. Pointers are plain numbers (addresses fit in 2^53), so that a call in the middle
 * of a buffer allocates nothing; {@link addressOf} gives them.
 */
import koffi from 'koffi';

// the process itself exports its libc, whichever it is
const lib = koffi.load(null);

type Int = (...args: number[]) => number;

export const libc = {
  open: lib.func('int open(const char *path, int flags)') as (path: string, flags: number) => number,
  close: lib.func('int close(int fd)') as Int,
  read: lib.func('intptr_t read(int fd, uintptr_t buffer, size_t length)') as Int,
  write: lib.func('intptr_t write(int fd, uintptr_t buffer, size_t length)') as Int,
  poll: lib.func('int poll(uintptr_t fds, ulong count, int timeout)') as Int,
  eventfd: lib.func('int eventfd(uint32_t initial, int flags)') as Int,
  setns: lib.func('int setns(int fd, int type)') as Int,
  ioctl: lib.func('int ioctl(int fd, ulong request, uintptr_t argument)') as Int,
  socket: lib.func('int socket(int domain, int type, int protocol)') as Int,
  bind: lib.func('int bind(int fd, uintptr_t address, uint32_t length)') as Int,
  getsockopt: lib.func(
    'int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t length)',
  ) as Int,
  setsockopt: lib.func(
    'int setsockopt(int fd, int level, int name, uintptr_t value, uint32_t length)',
  ) as Int,
  sendto: lib.func(
    'intptr_t sendto(int fd, uintptr_t buffer, size_t length, int flags, uintptr_t address, uint32_t addressLength)',
  ) as Int,
  recv: lib.func('intptr_t recv(int fd, uintptr_t buffer, size_t length, int flags)') as Int,
} as const;

/**
 * The address of `buffer`'s first byte. The buffer must be kept reachable as long as the address is used, and must not be one
 * of the engine's small in-heap arrays, which the garbage collector moves: take it from {@link stableBytes} or let it be large.
 */
export function addressOf(buffer: Uint8Array | Int32Array | DataView): number {
  return Number(koffi.address(buffer));
}

/** Zeroed bytes that never move, whatever their number. */
export function stableBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}
