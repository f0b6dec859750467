/** System calls by number, and where their paths are. */
import { type SyscallName, syscallTable } from '../linux/syscalls.js';

const names = new Map(
  Object.entries(syscallTable()?.numbers ?? {}).map(([name, number]) => [number, name as SyscallName]),
);

/** The name of a call that the filter hands over. */
export function callName(nr: number): SyscallName | undefined {
  return names.get(nr);
}

const PATH_ARGUMENT: Readonly<Partial<Record<SyscallName, number>>> = {
  open: 0,
  stat: 0,
  lstat: 0,
  access: 0,
  readlink: 0,
  execve: 0,
  openat: 1,
  openat2: 1,
  newfstatat: 1,
  faccessat: 1,
  faccessat2: 1,
  readlinkat: 1,
  statx: 1,
  execveat: 1,
};

/** Which argument of a call is a path; undefined for calls without one. */
export function pathArgument(name: SyscallName): number | undefined {
  return PATH_ARGUMENT[name];
}
