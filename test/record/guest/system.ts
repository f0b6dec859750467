/** What the guest agent needs of the system beyond src/linux: namespaces without names, sleeping, addresses of senders. */
import koffi from 'koffi';
import { checked } from '../../../src/linux/errno.js';
import { openFd } from '../../../src/linux/fd.js';
import { addressOf, libc, stableBytes } from '../../../src/linux/libc.js';

const lib = koffi.load(null);
const unshare = lib.func('int unshare(int flags)') as (flags: number) => number;
const clockNanosleep = lib.func(
  'int clock_nanosleep(int clock, int flags, uintptr_t request, uintptr_t remain)',
) as (clock: number, flags: number, request: number, remain: number) => number;
const ifNametoindex = lib.func('uint32_t if_nametoindex(const char *name)') as (name: string) => number;
const strerror = lib.func('const char *strerror(int errno)') as (errno: number) => string;

/** `intptr_t recvfrom(fd, buffer, length, flags, address, addressLength)`; pointers as numbers. */
export const recvfrom = lib.func(
  'intptr_t recvfrom(int fd, uintptr_t buffer, size_t length, int flags, uintptr_t address, uintptr_t addressLength)',
) as (...args: number[]) => number;

const CLONE_NEWNET = 0x40000000;
const CLOCK_MONOTONIC = 1;
const TIMER_ABSTIME = 1;

/** Moves the main thread into a new network namespace. @returns a descriptor that keeps it and names it. */
export function newNetns(): number {
  checked(unshare(CLONE_NEWNET), 'unshare(CLONE_NEWNET)');
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
  return checked(ifNametoindex(name) || -1, `if_nametoindex(${name})`);
}

/** The clock, seconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Blocks until the clock shows `time` seconds; not at all when it does already. */
export function sleepUntil(time: number): void {
  const request = stableBytes(16);
  const fields = new BigInt64Array(request.buffer);
  fields[0] = BigInt(Math.floor(time));
  fields[1] = BigInt(Math.round((time % 1) * 1e9));
  while (clockNanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, addressOf(request), 0) !== 0);
}

/** The system's text for an error number; negative as Node gives them, or positive. */
export function errorText(errno: number): string {
  return strerror(Math.abs(errno));
}
