/** seccomp(2) with user notification (seccomp_unotify(2)): a filter on this thread, and the listener that its calls come to. */
import { LITTLE } from '../wire/netlink.js';
import { checked, EINTR, ENOENT, lastErrno, SystemError, systemError } from './errno.js';
import { closeFd, O_CLOEXEC } from './fd.js';
import { addressOf, libc, Memory, type Pointer, stableBytes } from './libc.js';
import { syscallTable } from './syscalls.js';

/** What a filter returns. */
export const SECCOMP_RET_ALLOW = 0x7fff0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;

/** Offsets in `struct seccomp_data`, which a filter looks at. */
export const SECCOMP_DATA = { nr: 0, arch: 4, args: 16 } as const;

const SECCOMP_SET_MODE_FILTER = 1;
const FILTER_FLAG_SPEC_ALLOW = 4;
const FILTER_FLAG_NEW_LISTENER = 8;
const FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;
const PR_SET_NO_NEW_PRIVS = 38;

const IOCTL_RECV = 0xc0502100;
const IOCTL_SEND = 0xc0182101;
const IOCTL_ID_VALID = 0x40082102;
const IOCTL_ADDFD = 0x40182103;
const IOCTL_SET_FLAGS = 0x40082104;
const SYNC_WAKE_UP = 1;
const RESPONSE_CONTINUE = 1;
const ADDFD_SETFD = 1;

/** Bytes of `struct seccomp_notif`. */
export const NOTIFICATION = 80;
const RESPONSE = 24;
const ADDFD = 24;

const EACCES = 13;

/**
 * Puts a filter on this thread, for good, and on what it starts or becomes. Without CAP_SYS_ADMIN the thread gives up gaining privileges
 * by execve(2) first, as the kernel demands.
 * @returns the listener's descriptor, which is closed by execve(2).
 * @throws SystemError: EBUSY when a listener listens to this thread already, EINVAL on kernels before 5.19.
 */
export function installFilter(program: Uint8Array): number {
  const stable = stableBytes(program.length);
  stable.set(program);
  // struct sock_fprog: length u16, then at 8 the address
  const fprog = new Memory(16);
  const view = new DataView(fprog.bytes.buffer);
  view.setUint16(0, program.length / 8, LITTLE);
  view.setBigUint64(8, BigInt(addressOf(stable)), LITTLE);
  // without WAIT_KILLABLE_RECV a signal would make the program repeat a call that has been carried out
  const flags = FILTER_FLAG_NEW_LISTENER | FILTER_FLAG_SPEC_ALLOW | FILTER_FLAG_WAIT_KILLABLE_RECV;
  const install = (): number =>
    libc.syscall(syscallTable()!.numbers.seccomp!, SECCOMP_SET_MODE_FILTER, flags, fprog.address);
  let listener = install();
  if (listener < 0 && lastErrno() === EACCES) {
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'prctl(PR_SET_NO_NEW_PRIVS)');
    listener = install();
  }
  checked(listener, 'seccomp(SECCOMP_SET_MODE_FILTER)');
  // the filter is read from these until here
  if (stable.length === 0 || fprog.bytes.length === 0) throw new RangeError('an empty filter');
  return listener;
}

/** A system call that waits for its answer: `struct seccomp_notif` as it came. */
export class Notification {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes {@link NOTIFICATION} bytes. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, NOTIFICATION);
  }

  /** The calling thread. */
  get tid(): number {
    return this.#view.getUint32(8, LITTLE);
  }

  /** Number of the call. */
  get nr(): number {
    return this.#view.getInt32(16, LITTLE);
  }

  /** Argument `i` as a 32-bit signed number. */
  int(i: number): number {
    return this.#view.getInt32(32 + 8 * i, LITTLE);
  }

  /** Argument `i` as an address or a length; exact below 2^53. */
  word(i: number): number {
    const at = 32 + 8 * i;
    const [low, high] = LITTLE ? [at, at + 4] : [at + 4, at];
    return this.#view.getUint32(high, LITTLE) * 2 ** 32 + this.#view.getUint32(low, LITTLE);
  }
}

/** The other end of a filter. Threads may share its descriptor, each with an object of its own. */
export class Listener {
  readonly fd: number;
  readonly #notification = new Memory(NOTIFICATION);
  readonly #response = new Memory(RESPONSE);
  readonly #responseView = new DataView(this.#response.bytes.buffer);
  readonly #addfd = new Memory(ADDFD);
  readonly #addfdView = new DataView(this.#addfd.bytes.buffer);
  readonly #received = new Notification(this.#notification.bytes);

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Lets the caller and us take turns on one CPU, which is quicker; kernels before 6.6 cannot. */
  preferSameCpu(): void {
    libc.ioctl(this.fd, IOCTL_SET_FLAGS, SYNC_WAKE_UP);
  }

  /**
   * The next call; to be asked for when the descriptor is readable.
   * @returns an object that the next call of this method changes; undefined when the caller has gone.
   */
  receive(): Notification | undefined {
    this.#notification.bytes.fill(0);
    if (libc.ioctl(this.fd, IOCTL_RECV, this.#notification.address) === 0) return this.#received;
    const errno = lastErrno();
    if (errno === ENOENT || errno === EINTR) return undefined;
    throw new SystemError('ioctl(SECCOMP_IOCTL_NOTIF_RECV)', errno);
  }

  /** Lets the call be carried out as if nothing had been. */
  goOn(call: Notification): void {
    this.#respond(call, 0, 0, RESPONSE_CONTINUE);
  }

  /** Ends the call with `value`. */
  succeed(call: Notification, value: number): void {
    this.#respond(call, value, 0, 0);
  }

  /** Ends the call with an errno. */
  fail(call: Notification, errno: number): void {
    this.#respond(call, 0, -errno, 0);
  }

  /** True while the caller waits: what was read from its memory is then the caller's. */
  waits(call: Notification): boolean {
    return this.#ioctl(IOCTL_ID_VALID, call.bytes) === 0;
  }

  /**
   * Gives the caller a descriptor, which the call then returns.
   * @param number that it is to have; the lowest free one when left out.
   * @returns false when the caller may have no such number, and still waits; true also when it has gone.
   */
  give(call: Notification, fd: number, closeOnExec: boolean, number?: number): boolean {
    this.#addfd.bytes.set(call.bytes.subarray(0, 8));
    this.#addfdView.setUint32(8, number === undefined ? 0 : ADDFD_SETFD, LITTLE);
    this.#addfdView.setUint32(12, fd, LITTLE);
    this.#addfdView.setUint32(16, number ?? 0, LITTLE);
    this.#addfdView.setUint32(20, closeOnExec ? O_CLOEXEC : 0, LITTLE);
    const given = this.#ioctl(IOCTL_ADDFD, this.#addfd.address);
    if (given < 0) return lastErrno() === ENOENT;
    // to do both at once (SECCOMP_ADDFD_FLAG_SEND) cannot be done again after a signal
    this.succeed(call, given);
    return true;
  }

  close(): void {
    closeFd(this.fd);
  }

  #respond(call: Notification, value: number, error: number, flags: number): void {
    // the id is the first eight bytes of both
    this.#response.bytes.set(call.bytes.subarray(0, 8));
    this.#responseView.setBigInt64(8, BigInt(value), LITTLE);
    this.#responseView.setInt32(16, error, LITTLE);
    this.#responseView.setUint32(20, flags, LITTLE);
    if (this.#ioctl(IOCTL_SEND, this.#response.address) === 0) return;
    // a caller that was killed needs no answer
    if (lastErrno() !== ENOENT) throw systemError('ioctl(SECCOMP_IOCTL_NOTIF_SEND)');
  }

  /** A signal may come while the listener is locked. */
  #ioctl(request: number, argument: Pointer): number {
    for (;;) {
      const result = libc.ioctl(this.fd, request, argument);
      if (result >= 0 || lastErrno() !== EINTR) return result;
    }
  }
}
