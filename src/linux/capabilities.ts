/** What this process may do beyond what anybody may (capabilities(7)). */
import { readFileSync } from 'node:fs';

/** Numbers of `linux/capability.h`. */
export const CAP_SYS_ADMIN = 21;
export const CAP_PERFMON = 38;

/** This process has the capability in effect. */
export function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}
