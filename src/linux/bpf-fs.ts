/** BPF file systems: names under which maps and links outlive processes. */
import { mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { checked } from './errno.js';
import { libc } from './libc.js';

/** Where systems have theirs. */
const USUAL = '/sys/fs/bpf';
/** `BPF_FS_MAGIC` */
const MAGIC = 0xcafe4a11;

/** True when the folder is in a BPF file system. */
export function isBpfFs(folder: string): boolean {
  try {
    return statfsSync(folder).type === MAGIC;
  } catch {
    return false;
  }
}

/** The folder of the system's BPF file system, else `own`, where one may be mounted. */
export function bpfFolder(own: string): string {
  return isBpfFs(USUAL) ? USUAL : own;
}

/** Sees to it that there is a BPF file system at `folder`. @throws SYSTEM, with EPERM where that is not allowed. */
export function mountBpfFs(folder: string): void {
  if (isBpfFs(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checked(libc.mount('bpf', folder, 'bpf', 0, 'mode=0700'), `mount(bpf, ${folder})`);
}

/** Takes what {@link mountBpfFs} has mounted away again, when no folder is left in it: the kernel itself puts files there. */
export function unmountBpfFs(folder: string): void {
  if (folder === USUAL || !isBpfFs(folder)) return;
  if (readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory())) return;
  // somebody may be using it: it stays, empty
  libc.umount2(folder, 0);
}
