/** poll(2) over a fixed set of descriptors. */
import { LITTLE } from '../wire/netlink.js';
import { EINTR, lastErrno, systemError } from './errno.js';
import { libc, Memory } from './libc.js';

const POLLIN = 1;
const POLLHUP = 16;

/** Waits until one of the descriptors can be read. Allocates nothing per call. */
export class ReadPoll {
  readonly #view: DataView;
  readonly #memory: Memory;
  /** How many descriptors there are. */
  readonly count: number;

  constructor(fds: readonly number[]) {
    this.#memory = new Memory(8 * fds.length);
    const { buffer } = this.#memory.bytes;
    this.#view = new DataView(buffer);
    this.count = fds.length;
    // struct pollfd { int fd; short events; short revents; } in the machine's own order
    new Int32Array(buffer).set(fds.flatMap((fd) => [fd, 0]));
    const shorts = new Int16Array(buffer);
    for (let i = 0; i < fds.length; i++) shorts[4 * i + 2] = POLLIN;
  }

  /** Sleeps up to `timeout` ms (-1: without end). @returns how many descriptors are ready; 0 also when a signal came. */
  wait(timeout: number): number {
    const ready = libc.poll(this.#memory.address, this.count, timeout);
    if (ready >= 0) return ready;
    if (lastErrno() === EINTR) return 0;
    throw systemError('poll');
  }

  /** True when descriptor `index` was ready (or failed: a read then tells how) at the last `wait`. */
  ready(index: number): boolean {
    return this.#view.getInt16(8 * index + 6, LITTLE) !== 0;
  }

  /** True when, at the last `wait`, descriptor `index` had nobody at its other end any more. */
  hungUp(index: number): boolean {
    return (this.#view.getInt16(8 * index + 6, LITTLE) & POLLHUP) !== 0;
  }
}
