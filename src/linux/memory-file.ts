/** Files that have a content and no place: memfd_create(2). */
import { openSync, writeSync } from 'node:fs';
import { checked } from './errno.js';
import { closeFd } from './fd.js';
import { libc } from './libc.js';

const MFD_CLOEXEC = 1;

/** A descriptor, for reading alone, of a file that holds `text`. */
export function textFile(name: string, text: string): number {
  const writable = checked(libc.memfd_create(name, MFD_CLOEXEC), 'memfd_create');
  try {
    if (text !== '') writeSync(writable, text);
    return openSync(`/proc/self/fd/${writable}`, 'r');
  } finally {
    closeFd(writable);
  }
}
