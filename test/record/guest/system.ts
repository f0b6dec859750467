/** What the player in the guest needs of the system beyond src/linux: namespaces without names, sleeping, addresses of senders. */
import { checked } from '../../../src/linux/errno.js';
import { openFd } from '../../../src/linux/fd.js';
import { libc } from './libc.js';

const CLONE_NEWNET = 0x40000000;
const CLOCK_MONOTONIC = 1;
const TIMER_ABSTIME = 1;

/** Moves the main thread into a new network namespace. @returns a descriptor that keeps it and names it. */
export function newNetns(): number {
  checked(libc.unshare(CLONE_NEWNET), 'unshare(CLONE_NEWNET)');
  return currentNetns();
}

/** A descriptor of the main thread's network namespace. */
export function currentNetns(): number {
  return openFd('/proc/self/ns/net', 0);
}

/** Moves the main thread into the namespace of descriptor `fd`. */
export function enterNetns(fd: number): void {
  checked(libc.setns(fd, CLONE_NEWNET), 'setns');
}

/** Index of an interface of the current namespace. */
export function interfaceIndex(name: string): number {
  return checked(libc.ifNametoindex(name) || -1, `if_nametoindex(${name})`);
}

/** The clock, seconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Blocks until the clock shows `time` seconds; not at all when it does already. */
export function sleepUntil(time: number): void {
  const request = BigInt64Array.of(BigInt(Math.floor(time)), BigInt(Math.round((time % 1) * 1e9)));
  // a signal ends it early
  while (libc.clockNanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, request, null) !== 0);
}

/** The system's text for an error number; negative as Node gives them, or positive. */
export function errorText(errno: number): string {
  return libc.strerror(Math.abs(errno));
}
