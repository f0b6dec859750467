/** `ipvsd exec`: the program to run, found as a shell finds it. */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chosenNetns, socketPath } from '../control/client.js';
import { dropInFor, writeDropIn } from '../exec/drop-in.js';
import { launch } from '../exec/launch.js';
import { UsageError } from './usage-error.js';

const IPVSD = fileURLToPath(new URL('../../../bin/ipvsd', import.meta.url));

/** Exit codes of programs that run others, as env(1) has them. */
export const NOT_EXECUTABLE = 126;
export const NOT_FOUND = 127;

/** The flags as they were given. */
export type ExecFlags = Readonly<{
  socket?: string;
  netns?: string;
  log?: string;
  install?: string | true;
  root?: string;
  dryRun?: true;
}>;

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
export function exec(words: readonly string[], { socket, netns, log }: ExecFlags): never {
  if (words.length === 0) throw new UsageError('exec: name a program: ipvsd exec -- ipvsadm -L -n');
  const chosen = chosenNetns(netns);
  return launch({
    path: findProgram(words[0]!),
    words: words.length,
    socket: resolve(socketPath(socket)),
    ...(chosen !== undefined && { netns: chosen }),
    ...(log !== undefined && { log: resolve(log) }),
  });
}

/**
 * Makes a service run under `ipvsd exec`.
 * @param print takes a line without its end.
 * @throws what {@link dropInFor} and {@link writeDropIn} throw.
 */
export function install(
  { install: name, root = '/', socket, netns, dryRun }: ExecFlags,
  print: (line: string) => void,
): void {
  const service = typeof name === 'string' ? name : 'keepalived';
  const unit = service.includes('.') ? service : `${service}.service`;
  const dropIn = dropInFor({
    root,
    unit,
    command: [process.execPath, IPVSD, 'exec', '--'],
    environment: {
      ...(socket !== undefined && { IPVSD_SOCKET: resolve(socket) }),
      ...(netns !== undefined && { IPVSD_NETNS: netns }),
    },
  });
  if (dryRun === true) {
    print(`# ${dropIn.path}\n${dropIn.text.trimEnd()}`);
    return;
  }
  writeDropIn(dropIn);
  print(`${dropIn.path} is written. Now: systemctl daemon-reload && systemctl restart ${unit}`);
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
