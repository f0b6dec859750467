/** Values below /proc/sys, in the network namespace of the calling thread (synchronous file calls run on it). */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { IpvsError } from '../errors.js';

const ROOT = '/proc/sys';

/** @param path with slashes, e.g. `net/ipv4/ip_forward`: an interface's name may hold dots. */
export function readSysctl(path: string): string {
  return attempt(path, 'read', () => readFileSync(`${ROOT}/${path}`, 'utf8').trim());
}

/** The value, or undefined when this kernel has no such sysctl. */
export function readSysctlIfAny(path: string): string | undefined {
  return existsSync(`${ROOT}/${path}`) ? readSysctl(path) : undefined;
}

/** Writes a value, unless it stands there already: a container's /proc/sys is often read-only. @throws NOT_PERMITTED where it is, SYSTEM */
export function writeSysctl(path: string, value: string): void {
  if (readSysctlIfAny(path) === value) return;
  attempt(path, 'write', () => writeFileSync(`${ROOT}/${path}`, `${value}\n`));
}

/** Names in a directory of sysctls, e.g. the interfaces of `net/ipv4/conf`; none when there is no such directory. */
export function listSysctl(path: string): string[] {
  return existsSync(`${ROOT}/${path}`) ? readdirSync(`${ROOT}/${path}`) : [];
}

function attempt<T>(path: string, verb: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? error;
    const message = `${verb} ${ROOT}/${path}: ${code}`;
    if (code !== 'EROFS') throw new IpvsError('SYSTEM', message);
    throw new IpvsError('NOT_PERMITTED', `${message}: docs/install.md says what a container needs`);
  }
}
