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
  /** bpf(2), which libc has no function for: its number comes first. */
  bpf: lib.func('long syscall(long number, int command, void *attr, uint32_t size)') as (
    number: number,
    command: number,
    attr: Pointer,
    size: number,
  ) => number,
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
  sendmmsg: lib.func('int sendmmsg(int fd, void *messages, uint count, int flags)') as (
    fd: number,
    messages: Pointer,
    count: number,
    flags: number,
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
  getsockname: lib.func('int getsockname(int fd, void *address, void *length)') as (
    fd: number,
    address: Pointer,
    length: Pointer,
  ) => number,
  socketpair: lib.func('int socketpair(int domain, int type, int protocol, void *fds)') as (
    domain: number,
    type: number,
    protocol: number,
    fds: Pointer,
  ) => number,
  shutdown: lib.func('int shutdown(int fd, int how)') as (fd: number, how: number) => number,
  fcntl: lib.func('int fcntl(int fd, int command, int argument)') as (
    fd: number,
    command: number,
    argument: number,
  ) => number,
  /** Gives the address as a number; -1 when it fails. */
  mmap: lib.func(
    'intptr_t mmap(intptr_t address, size_t length, int protection, int flags, int fd, long offset)',
  ) as (
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number,
  sched_yield: lib.func('int sched_yield()') as () => number,
  getpagesize: lib.func('int getpagesize()') as () => number,
  munmap: lib.func('int munmap(intptr_t address, size_t length)') as (
    address: number,
    length: number,
  ) => number,
  mount: lib.func(
    'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
  ) as (source: string, target: string, type: string, flags: number, data: string | null) => number,
  umount2: lib.func('int umount2(const char *target, int flags)') as (
    target: string,
    flags: number,
  ) => number,
  memfd_create: lib.func('int memfd_create(const char *name, uint flags)') as (
    name: string,
    flags: number,
  ) => number,
  prctl: lib.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)') as (
    option: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ) => number,
  setsid: lib.func('int setsid()') as () => number,
  signal: lib.func('void *signal(int number, intptr_t handler)') as (
    number: number,
    handler: number,
  ) => unknown,
  execve: lib.func('int execve(void *path, void *argv, void *envp)') as (
    path: Pointer,
    argv: Pointer,
    envp: Pointer,
  ) => number,
  capget: lib.func('int capget(void *header, void *data)') as (header: Pointer, data: Pointer) => number,
  process_vm_readv: lib.func(
    'intptr_t process_vm_readv(int pid, void *local, ulong localCount, void *remote, ulong remoteCount, ulong flags)',
  ) as RemoteCopy,
  process_vm_writev: lib.func(
    'intptr_t process_vm_writev(int pid, void *local, ulong localCount, void *remote, ulong remoteCount, ulong flags)',
  ) as RemoteCopy,
  /** For calls that have no function of their own in older libraries. */
  syscall: lib.func('long syscall(long number, long a, long b, void *c)') as (
    number: number,
    a: number,
    b: number,
    c: Pointer,
  ) => number,
} as const;

type RemoteCopy = (
  pid: number,
  local: Pointer,
  localCount: number,
  remote: Pointer,
  remoteCount: number,
  flags: number,
) => number;

/**
 * The address of a buffer's first byte. It keeps nothing alive: something that lives as long as the address is used must hold the buffer and be seen
 * to use it (a variable that is never read again does not count: the garbage collector knows). The buffer is to have more than 64 bytes or come from
 * {@link stableBytes}: the smallest typed arrays lie where they are moved.
 */
export function addressOf(buffer: Uint8Array | Int32Array | Uint32Array | DataView): number {
  return Number(koffi.address(buffer));
}

/** The memory at an address that is mapped for as long as anybody uses the result (mmap(2)). */
export function mappedBytes(address: number, length: number): ArrayBuffer {
  return koffi.view(address, length);
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
