/** When, and where, a generator may run: when nothing else wants to, and on one processor if that is asked. */
import koffi from 'koffi';
import { checked } from '../../src/linux/errno.js';

const SCHED_IDLE = 5;

const lib = koffi.load(null);
const setScheduler = lib.func('int sched_setscheduler(int pid, int policy, void *param)') as (
  pid: number,
  policy: number,
  param: Int32Array,
) => number;
const setAffinity = lib.func('int sched_setaffinity(int pid, size_t size, void *mask)') as (
  pid: number,
  size: number,
  mask: Uint32Array,
) => number;

/** Lets this thread run only when no other wants to: what it sends is carried before it sends more, and nothing is lost for want of a turn. */
export function giveWay(): void {
  checked(setScheduler(0, SCHED_IDLE, Int32Array.of(0)), 'sched_setscheduler');
}

/** Keeps a thread on one processor. @param thread 0 for the calling one. */
export function pinTo(cpu: number, thread = 0): void {
  setMask(thread, 1 << cpu);
}

/** Lets a thread run on any of the first 32 processors again. */
export function unpin(thread: number): void {
  setMask(thread, ~0);
}

function setMask(thread: number, mask: number): void {
  checked(setAffinity(thread, 4, Uint32Array.of(mask)), `sched_setaffinity(${thread})`);
}
