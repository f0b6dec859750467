/** A system call of a program, waiting for what becomes of it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoOf } from '../control/errno-of.js';
import { ENOENT, SystemError } from '../linux/errno.js';
import { Memory } from '../linux/libc.js';
import { hasFd, isNetAdmin, peek, readMemory, takeFd, writeMemory } from '../linux/remote-process.js';
import { type Listener, Notification } from '../linux/seccomp.js';
import type { SyscallName } from '../linux/syscalls.js';
import { LITTLE } from '../wire/netlink.js';
import { callName } from './call-names.js';

/** Bytes that a program may hand over at once. */
export const MOST: number = 1 << 24;

/** For texts. */
const scratch = new Memory(256);

/** The call and its caller. One of `goOn`, `succeed`, `fail` and `give` ends it. */
export class Call {
  readonly name: SyscallName | undefined;
  /** The path among its arguments, when it is ours. */
  readonly path: string;
  readonly #listener: Listener;
  readonly #notification: Notification;

  constructor(listener: Listener, bytes: Uint8Array, path = '') {
    this.#listener = listener;
    this.#notification = new Notification(bytes);
    this.name = callName(this.#notification.nr);
    this.path = path;
  }

  get tid(): number {
    return this.#notification.tid;
  }

  /** Argument `i` as a number. */
  int(i: number): number {
    return this.#notification.int(i);
  }

  /** Argument `i` as an address or length. */
  word(i: number): number {
    return this.#notification.word(i);
  }

  /** True while the caller waits. */
  get waits(): boolean {
    return this.#listener.waits(this.#notification);
  }

  /** Memory of the caller. @throws SystemError with EFAULT, EMSGSIZE, or ENOENT when it has gone */
  read(address: number, length: number): Uint8Array {
    if (length > MOST) throw new SystemError('read', constants.errno.EMSGSIZE);
    const bytes = readMemory(this.tid, address, length);
    if (!this.waits) throw new SystemError('read', ENOENT);
    return bytes;
  }

  /** As {@link read}, with numbers in it. */
  view(address: number, length: number): DataView {
    return new DataView(this.read(address, length).buffer);
  }

  /** Writes to the caller's memory. @throws as {@link read} */
  write(address: number, bytes: Uint8Array): void {
    if (!this.waits) throw new SystemError('write', ENOENT);
    writeMemory(this.tid, address, bytes);
  }

  /** A text in the caller's memory, without its final 0; cut when it is long. */
  text(address: number): string {
    const n = peek(this.tid, address, scratch, scratch.bytes.length);
    const bytes = scratch.bytes.subarray(0, Math.max(0, n));
    const end = bytes.indexOf(0);
    return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
  }

  /** Writes to memory that the caller itself may not write: its copy alone changes. */
  overwrite(address: number, bytes: Uint8Array): void {
    const fd = openSync(`/proc/${this.tid}/mem`, 'r+');
    try {
      if (!this.waits) throw new SystemError('write', ENOENT);
      writeSync(fd, bytes, 0, bytes.length, address);
    } finally {
      closeSync(fd);
    }
  }

  /** Writes a 32-bit number. */
  writeInt(address: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, LITTLE);
    this.write(address, bytes);
  }

  /** Whether the caller may configure the network. */
  get isAdmin(): boolean {
    return isNetAdmin(this.tid);
  }

  /** Does something with a duplicate of a descriptor of the caller. */
  async withFd<T>(fd: number, use: (fd: number) => T | Promise<T>, close: (fd: number) => void): Promise<T> {
    const duplicate = takeFd(this.tid, fd);
    try {
      return await use(duplicate);
    } finally {
      close(duplicate);
    }
  }

  /** Lets the kernel carry it out. */
  goOn(): void {
    this.#listener.goOn(this.#notification);
  }

  succeed(value: number): void {
    this.#listener.succeed(this.#notification, value);
  }

  /** Ends it with an errno. */
  fail(errno: number): void {
    this.#listener.fail(this.#notification, errno);
  }

  /** Ends it with the errno of an error. */
  failWith(error: unknown): void {
    this.fail(error instanceof SystemError ? error.number : errnoOf(error));
  }

  /** Returns a descriptor; with the lowest number that is free. */
  give(fd: number, closeOnExec: boolean): void {
    if (!this.#listener.give(this.#notification, fd, closeOnExec)) this.fail(constants.errno.EMFILE);
  }

  /** Returns a descriptor with a number of `first..end - 1`. */
  giveReserved(fd: number, closeOnExec: boolean, first: number, end: number): void {
    for (let number = first; number < end; number++) {
      if (hasFd(this.tid, number)) continue;
      if (this.#listener.give(this.#notification, fd, closeOnExec, number)) return;
      break;
    }
    this.fail(constants.errno.EMFILE);
  }
}
