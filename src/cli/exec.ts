/** `ipvsd exec`: the program to run, found as a shell finds it. */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { socketPath } from '../control/client.js';
import { launch } from '../exec/launch.js';
import { UsageError } from './usage-error.js';

/** Exit codes of programs that run others, as env(1) has them. */
export const NOT_EXECUTABLE = 126;
export const NOT_FOUND = 127;

/** The flags as they were given. */
export type ExecFlags = Readonly<{ socket?: string; log?: string }>;

/** A program that cannot be run, with the exit code for it. */
export class CannotRun extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Becomes the program.
 * @param words of its command line, which are the last ones of ours.
 * @throws CannotRun, UsageError, and what {@link launch} throws.
 */
export function exec(words: readonly string[], { socket, log }: ExecFlags): never {
  if (words.length === 0) throw new UsageError('exec: name a program: ipvsd exec -- ipvsadm -L -n');
  return launch({
    path: findProgram(words[0]!),
    words: words.length,
    socket: resolve(socketPath(socket)),
    ...(log !== undefined && { log: resolve(log) }),
  });
}

/** The path of a program: as it is when it has a slash, else from `$PATH`. @throws CannotRun */
export function findProgram(name: string): string {
  const folders = name.includes('/') ? [undefined] : (process.env.PATH ?? '/usr/bin:/bin').split(':');
  let found = false;
  for (const folder of folders) {
    const path = folder === undefined ? name : `${folder === '' ? '.' : folder}/${name}`;
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue;
    found = true;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // another folder may have one that can be run
    }
  }
  if (found) throw new CannotRun(`${name}: cannot be executed`, NOT_EXECUTABLE);
  throw new CannotRun(`${name}: not found`, NOT_FOUND);
}
