/** What recording needs of the machine. */
import { accessSync, constants } from 'node:fs';

/** Programs and the Debian packages they are in. */
const PROGRAMS: Record<string, string> = {
  'linux.uml': 'user-mode-linux',
  modprobe: 'kmod',
  ipvsadm: 'ipvsadm',
  ip: 'iproute2',
  tc: 'iproute2',
  busybox: 'busybox',
};
const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Debian packages that hold all of it; with gcc and libc6-dev, waiting in a scenario costs no time. */
export const PACKAGES = [...new Set(Object.values(PROGRAMS)), 'gcc', 'libc6-dev'];

/** What is missing, and how to get it, as a message; undefined when nothing is. */
export function missingPrograms(): string | undefined {
  const missing = Object.keys(PROGRAMS).filter((program) => !isInstalled(program));
  if (missing.length === 0) return undefined;
  return `not found: ${missing.join(', ')}. On Debian, as root: apt-get install ${PACKAGES.join(' ')}`;
}

function isInstalled(program: string): boolean {
  return DIRECTORIES.some((directory) => {
    try {
      accessSync(`${directory}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
