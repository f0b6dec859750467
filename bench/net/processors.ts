/** What this machine's processors have done. */
import { readFileSync } from 'node:fs';

/** Ticks of /proc/stat in a second. */
const USER_HZ = 100;
/** Fields of its first line: user, nice, system, idle, iowait, irq, softirq (proc(5)). */
const BUSY = [0, 1, 2, 5, 6];

/** Seconds that all processors together have been busy, since the machine was started, with whatever. */
export function busySeconds(): number {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))![1]!.split(' ').map(Number);
  return BUSY.reduce((sum, i) => sum + fields[i]!, 0) / USER_HZ;
}
