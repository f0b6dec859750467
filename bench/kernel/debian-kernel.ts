/** Debian's 6.12 kernel with its modules, and a busybox to boot it with: downloaded once as packages, unpacked into a cache, never installed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cachedFolder, unpackPackages } from '../../test/support/unpacked-packages.js';

const KERNEL = /^linux-image-6\.12\.\d+\+deb\d+-amd64-unsigned$/;

/** What a guest boots. */
export interface GuestKernel {
  /** As `uname -r` says. */
  readonly version: string;
  readonly image: string;
  /** Folder of its modules. */
  readonly modules: string;
  /** A busybox that needs no library. */
  readonly busybox: string;
}

/** The kernel in the cache; downloads it when there is none yet. @throws where apt does not know such packages. */
export function guestKernel(): GuestKernel {
  const root = cachedFolder('bench-kernel/root', fetchInto);
  const [version] = readdirSync(join(root, 'lib/modules'));
  return {
    version: version!,
    image: join(root, 'boot', `vmlinuz-${version}`),
    modules: join(root, 'lib/modules', version!),
    busybox: join(root, 'bin/busybox'),
  };
}

function fetchInto(folder: string): void {
  const names = text('apt-cache', 'pkgnames', 'linux-image-6.12')
    .split('\n')
    .filter((name) => KERNEL.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const newest = names.at(-1);
  if (newest === undefined)
    throw new Error('apt knows no linux-image-6.12...-amd64-unsigned (apt-get update?)');
  process.stderr.write(`downloading ${newest}\n`);
  unpackPackages([newest, 'busybox-static'], folder);
  const [version] = readdirSync(join(folder, 'lib/modules'));
  execFileSync('/sbin/depmod', ['-b', folder, version!]);
}

/** The files of the named modules and of those they need, in the order in which they are to be loaded. What is built in is left out. */
export function moduleFiles({ modules }: GuestKernel, names: readonly string[]): string[] {
  const needs = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(modules, 'modules.dep'), 'utf8').trim().split('\n')) {
    const [file, rest] = line.split(':') as [string, string];
    const name = basename(file)
      .replace(/\.ko.*/, '')
      .replaceAll('-', '_');
    needs.set(name, [...rest.trim().split(' ').filter(Boolean).reverse(), file]);
  }
  const files = names.flatMap((name) => needs.get(name) ?? []);
  return [...new Set(files)].map((file) => join(modules, file));
}

/** A module's code, unpacked. */
export function moduleCode(file: string): Uint8Array {
  return file.endsWith('.xz')
    ? execFileSync('xz', ['-dc', file], { maxBuffer: 1 << 26 })
    : readFileSync(file);
}

function text(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
}
