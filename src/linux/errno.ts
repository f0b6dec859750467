/** Names of the errnos of Linux, and the error a failed system call ends in. */
import koffi from 'koffi';
import { IpvsError } from '../errors.js';

const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
// platforms name these two twice
names.set(koffi.os.errno.EAGAIN!, 'EAGAIN');
names.set(koffi.os.errno.EOPNOTSUPP!, 'EOPNOTSUPP');

/** Numbers that code compares against. */
export const EINTR = koffi.os.errno.EINTR!;
export const EAGAIN = koffi.os.errno.EAGAIN!;
export const EBUSY = koffi.os.errno.EBUSY!;
export const EEXIST = koffi.os.errno.EEXIST!;
export const EINVAL = koffi.os.errno.EINVAL!;
export const E2BIG = koffi.os.errno.E2BIG!;
export const EOPNOTSUPP = koffi.os.errno.EOPNOTSUPP!;
export const EPERM = koffi.os.errno.EPERM!;
export const ENOENT = koffi.os.errno.ENOENT!;
export const ESRCH = koffi.os.errno.ESRCH!;
export const ENOBUFS = koffi.os.errno.ENOBUFS!;
export const ECONNREFUSED = koffi.os.errno.ECONNREFUSED!;
export const ENODEV = koffi.os.errno.ENODEV!;
export const ENETUNREACH = koffi.os.errno.ENETUNREACH!;
export const EADDRNOTAVAIL = koffi.os.errno.EADDRNOTAVAIL!;

/** `EPERM` for 1, and so on; the number itself when it has no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/** The errno of the last failed call of this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** A `SYSTEM` error that remembers the number, for the few callers that act on it. */
export class SystemError extends IpvsError {
  readonly number: number;

  /** @param call the system call and what it was about, e.g. `ioctl(TUNSETIFF, ipvsd0)`. */
  constructor(call: string, errno: number) {
    super('SYSTEM', `${call}: ${errnoName(errno)}`);
    this.number = errno;
  }
}

/** The error for the call of this thread that has just failed. */
export function systemError(call: string): SystemError {
  return new SystemError(call, lastErrno());
}

/** Hands `result` on, or throws when it is negative: for calls that answer -1 and set errno. */
export function checked(result: number, call: string): number {
  if (result < 0) throw systemError(call);
  return result;
}
