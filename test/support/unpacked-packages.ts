/** Debian packages whose files are wanted and which are not to be installed: downloaded once by apt, unpacked into a folder of the user's cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * A folder of the user's cache, made by `fill` when it is not there yet: all of it or nothing.
 * @param name of the folder. @param fill puts into the folder that it is given what is to be in it.
 * @returns its path
 */
export function cachedFolder(name: string, fill: (folder: string) => void): string {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ipvsd', name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    fill(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // another one was quicker
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/**
 * Puts the files of packages below `folder`; what the packages need comes not with them.
 * @throws where apt has no such package, or cannot bring it
 */
export function unpackPackages(names: readonly string[], folder: string): void {
  const files = mkdtempSync(`${folder}.debs.`);
  try {
    const download = (): void => runIn(files, 'apt-get', 'download', '-q', ...names);
    try {
      download();
    } catch {
      // the lists of packages are missing, or older than the packages
      runIn(files, 'apt-get', 'update', '-q');
      download();
    }
    for (const file of readdirSync(files)) runIn(files, 'dpkg-deb', '-x', file, folder);
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

function runIn(folder: string, program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}
