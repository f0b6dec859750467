/** Numbers of system calls, of those that are called or filtered by number, and the machine's name in `struct seccomp_data`. */

/** Calls that a machine may lack because it never had them are absent. */
export interface SyscallTable {
  /** `AUDIT_ARCH_*`. */
  readonly arch: number;
  readonly numbers: Readonly<Partial<Record<SyscallName, number>>>;
}

/** The calls that are known. */
export type SyscallName =
  | 'write'
  | 'open'
  | 'stat'
  | 'lstat'
  | 'access'
  | 'socket'
  | 'sendto'
  | 'recvfrom'
  | 'sendmsg'
  | 'recvmsg'
  | 'setsockopt'
  | 'getsockopt'
  | 'execve'
  | 'readlink'
  | 'openat'
  | 'newfstatat'
  | 'readlinkat'
  | 'faccessat'
  | 'seccomp'
  | 'execveat'
  | 'statx'
  | 'pidfd_open'
  | 'openat2'
  | 'pidfd_getfd'
  | 'faccessat2';

/** From some number on all machines agree. */
const COMMON = { pidfd_open: 434, openat2: 437, pidfd_getfd: 438, faccessat2: 439 } as const;

const TABLES: Readonly<Record<string, SyscallTable>> = {
  x64: {
    arch: 0xc000003e,
    numbers: {
      write: 1,
      open: 2,
      stat: 4,
      lstat: 6,
      access: 21,
      socket: 41,
      sendto: 44,
      recvfrom: 45,
      sendmsg: 46,
      recvmsg: 47,
      setsockopt: 54,
      getsockopt: 55,
      execve: 59,
      readlink: 89,
      openat: 257,
      newfstatat: 262,
      readlinkat: 267,
      faccessat: 269,
      seccomp: 317,
      execveat: 322,
      statx: 332,
      ...COMMON,
    },
  },
  arm64: {
    arch: 0xc00000b7,
    numbers: {
      faccessat: 48,
      openat: 56,
      write: 64,
      readlinkat: 78,
      newfstatat: 79,
      socket: 198,
      sendto: 206,
      recvfrom: 207,
      setsockopt: 208,
      getsockopt: 209,
      sendmsg: 211,
      recvmsg: 212,
      execve: 221,
      seccomp: 277,
      execveat: 281,
      statx: 291,
      ...COMMON,
    },
  },
};

/** This machine's table; undefined for a machine that is not known. */
export function syscallTable(machine: string = process.arch): SyscallTable | undefined {
  return TABLES[machine];
}
