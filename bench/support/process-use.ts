/** What a process uses, as /proc tells it (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const KIB = 1024;
/** Ticks of /proc/PID/stat in a second. */
const USER_HZ = 100;
/** Places of utime and stime behind the program's name in brackets. */
const [UTIME, STIME] = [11, 12];

/** Resident memory, bytes. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * KIB;
}

/** The process's threads. */
export function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** Nanoseconds of processor that threads have had. */
export function processorNanoseconds(threads: readonly number[]): number {
  const texts = threads.map((thread) => readFileSync(`/proc/${thread}/schedstat`, 'utf8'));
  return texts.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0);
}

/** What threads do in these milliseconds, nanoseconds of processor. */
export async function workFor(threads: readonly number[], ms: number): Promise<number> {
  const before = processorNanoseconds(threads);
  await sleep(ms);
  return processorNanoseconds(threads) - before;
}

/** Seconds of processor that all its threads have had since its start. */
export function processorSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return (fields[UTIME]! + fields[STIME]!) / USER_HZ;
}
