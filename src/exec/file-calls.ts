/** The files of /proc that a kernel with IPVS has: opened, looked at, asked for. */
import { constants as fs } from 'node:fs';
import { constants as os } from 'node:os';
import type { Director } from '../control/command.js';
import { closeFd } from '../linux/fd.js';
import { textFile } from '../linux/memory-file.js';
import { LITTLE } from '../wire/netlink.js';
import type { Call } from './call.js';
import { statBytes, statxBytes } from './stat-bytes.js';
import type { SysctlFiles } from './sysctl-files.js';
import { type VirtualPath, virtualPath } from './virtual-path.js';

const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const MODE: Readonly<Record<VirtualPath['kind'], number>> = {
  proc: fs.S_IFREG | 0o444,
  sysctl: fs.S_IFREG | 0o644,
  'sysctl-folder': fs.S_IFDIR | 0o555,
};

/** Where the arguments of the calls are. */
const FLAGS_ARGUMENT: Readonly<Record<string, number>> = { open: 1, openat: 2, openat2: 2 };
const MODE_ARGUMENT: Readonly<Record<string, number>> = { access: 1, faccessat: 2, faccessat2: 2 };
const STAT_ARGUMENT: Readonly<Record<string, number>> = { stat: 1, lstat: 1, newfstatat: 2, statx: 4 };

/** open, openat, openat2. */
export async function openFile(call: Call, director: Director, sysctls: SysctlFiles): Promise<void> {
  const file = virtualPath(call.path)!;
  const flags = openFlags(call);
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  const access = flags & (fs.O_WRONLY | fs.O_RDWR);
  // a list of all sysctls there is not, and of a file without content there is nothing to know
  if (file.kind === 'sysctl-folder' || (flags & O_PATH) !== 0) return call.goOn();
  if ((flags & fs.O_DIRECTORY) !== 0) return call.fail(os.errno.ENOTDIR);
  if (file.kind === 'sysctl' && access !== fs.O_RDONLY) {
    if (!call.isAdmin) return call.fail(os.errno.EACCES);
    const value = await director.execute('sysctl.get', { name: file.name });
    return sysctls.give(call, file.name, access === fs.O_RDWR ? `${value}\n` : undefined, closeOnExec);
  }
  if (access !== fs.O_RDONLY) return call.fail(os.errno.EACCES);
  const { name } = file;
  const text =
    file.kind === 'proc'
      ? await director.execute('proc', { name })
      : `${await director.execute('sysctl.get', { name })}\n`;
  const fd = textFile(name, text);
  try {
    call.give(fd, closeOnExec);
  } finally {
    closeFd(fd);
  }
}

/** stat, lstat, newfstatat, statx. */
export async function statFile(call: Call, director: Director): Promise<void> {
  const file = virtualPath(call.path)!;
  await mustExist(file, director);
  const mode = MODE[file.kind];
  const bytes = call.name === 'statx' ? statxBytes(mode) : statBytes(mode);
  call.write(call.word(STAT_ARGUMENT[call.name!]!), bytes);
  call.succeed(0);
}

/** access, faccessat, faccessat2. */
export async function accessFile(call: Call, director: Director): Promise<void> {
  const file = virtualPath(call.path)!;
  await mustExist(file, director);
  const wanted = call.int(MODE_ARGUMENT[call.name!]!);
  const writable = file.kind === 'sysctl' && call.isAdmin;
  const searchable = file.kind === 'sysctl-folder';
  const refused = ((wanted & fs.W_OK) !== 0 && !writable) || ((wanted & fs.X_OK) !== 0 && !searchable);
  if (refused) call.fail(os.errno.EACCES);
  else call.succeed(0);
}

/** readlink, readlinkat: none of the files is a link. */
export async function readLink(call: Call, director: Director): Promise<void> {
  await mustExist(virtualPath(call.path)!, director);
  call.fail(os.errno.EINVAL);
}

/** @throws NO_SYSCTL */
async function mustExist(file: VirtualPath, director: Director): Promise<void> {
  if (file.kind === 'sysctl') await director.execute('sysctl.get', { name: file.name });
}

function openFlags(call: Call): number {
  const argument = FLAGS_ARGUMENT[call.name!]!;
  // openat2 has them in struct open_how, whose first member they are
  return call.name === 'openat2'
    ? call.view(call.word(argument), 8).getUint32(0, LITTLE)
    : call.int(argument);
}
