/** The functions of libc that the player in the guest calls. Buffers are handed over where they are, and may be written to. */
import koffi from 'koffi';

// the process itself exports its libc
const lib = koffi.load(null);

type Bytes = Uint8Array | Uint32Array;
/** Words of a command line or an environment; null ends them. */
type Words = readonly (string | null)[];

export const libc = {
  unshare: lib.func('int unshare(int flags)') as (flags: number) => number,
  setns: lib.func('int setns(int fd, int type)') as (fd: number, type: number) => number,
  clockNanosleep: lib.func('int clock_nanosleep(int clock, int flags, void *request, void *remain)') as (
    clock: number,
    flags: number,
    request: BigInt64Array,
    remain: null,
  ) => number,
  ifNametoindex: lib.func('uint32_t if_nametoindex(const char *name)') as (name: string) => number,
  strerror: lib.func('const char *strerror(int errno)') as (errno: number) => string,

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
  ioctl: lib.func('int ioctl(int fd, ulong request, void *argument)') as (
    fd: number,
    request: number,
    argument: Bytes,
  ) => number,
  setsockopt: lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)') as (
    fd: number,
    level: number,
    name: number,
    value: Bytes,
    length: number,
  ) => number,
  sendto: lib.func(
    'intptr_t sendto(int fd, void *data, size_t length, int flags, void *address, uint32_t addressLength)',
  ) as (
    fd: number,
    data: Bytes,
    length: number,
    flags: number,
    address: Bytes | null,
    addressLength: number,
  ) => number,
  recvfrom: lib.func(
    'intptr_t recvfrom(int fd, void *data, size_t length, int flags, void *address, void *addressLength)',
  ) as (
    fd: number,
    data: Bytes,
    length: number,
    flags: number,
    address: Bytes,
    addressLength: Uint32Array,
  ) => number,

  posixSpawnp: lib.func(
    'int posix_spawnp(_Out_ int *pid, const char *file, void *actions, void *attributes, const char **argv, const char **envp)',
  ) as (
    pid: number[],
    file: string,
    actions: Bytes,
    attributes: null,
    argv: Words,
    environment: Words,
  ) => number,
  spawnFileActionsInit: lib.func('int posix_spawn_file_actions_init(void *actions)') as (
    actions: Bytes,
  ) => number,
  spawnFileActionsAddopen: lib.func(
    'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint32_t mode)',
  ) as (actions: Bytes, fd: number, path: string, flags: number, mode: number) => number,
  waitpid: lib.func('int waitpid(int pid, _Out_ int *status, int options)') as (
    pid: number,
    status: number[],
    options: number,
  ) => number,
} as const;

/** Zeroed bytes that never move: libc may keep their address, see {@link addressOf}. */
export function stableBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** The address of `bytes[0]`, good as long as something that lives holds `bytes`. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}
