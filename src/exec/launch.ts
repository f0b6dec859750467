/** Becomes a program whose calls about IPVS another process answers. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromCommandError } from '../control/command-error.js';
import { IpvsError } from '../errors.js';
import { EBUSY, SystemError } from '../linux/errno.js';
import { execve } from '../linux/execve.js';
import { closeFd } from '../linux/fd.js';
import { installFilter } from '../linux/seccomp.js';
import { streamPair } from '../linux/stream-pair.js';
import { syscallTable } from '../linux/syscalls.js';
import { execFilter } from './filter.js';
import { hear, type SupervisorWord, say } from './handshake.js';

/** The descriptor of the supervisor that leads to the launcher. */
export const SUPERVISOR_FD = 3;

const SUPERVISOR = fileURLToPath(new URL('./supervisor-main.js', import.meta.url));

/** What is to be run, and where the daemon is. */
export interface Launch {
  /** Path of the program. */
  readonly path: string;
  /** How many of the last words of this process's command line are the program's. */
  readonly words: number;
  /** The daemon's socket. */
  readonly socket: string;
  /** The daemon's network namespace that the program is to see; the default one when left out. */
  readonly netns?: string;
  /** File for what the supervisor has to say. */
  readonly log?: string;
}

/**
 * Replaces this process by the program: its number, its terminal, its standard streams and its exit code are the program's.
 *
 * The supervisor is no child of the program, which might wait for all its children, and no parent, which would have to hand on signals and exit
 * codes. It ends when the program and all that came of it have.
 * @throws NO_DAEMON, NOT_PERMITTED, SYSTEM when the program cannot be supervised or run.
 */
export function launch({ path, words, ...supervision }: Launch): never {
  const table = syscallTable();
  if (table === undefined)
    throw new IpvsError('NOT_SUPPORTED', `system calls of ${process.arch} are not known`);
  const argv = zeroTerminated('/proc/self/cmdline').slice(-words);
  const env = zeroTerminated('/proc/self/environ');
  const supervisor = startSupervisor(supervision);
  heed(hear<SupervisorWord>(supervisor));
  try {
    const listener = installFilter(execFilter(table));
    say(supervisor, { listener });
    heed(hear<SupervisorWord>(supervisor));
  } catch (error) {
    // a program that is supervised already, such as a shell, runs another
    if (!(error instanceof SystemError && error.number === EBUSY)) throw whyNot(error);
  }
  return execve(path, argv, env);
}

/** Starts it so that it belongs to nobody. @returns our end of the pair that leads to it */
function startSupervisor({ socket, netns = '', log = '' }: Omit<Launch, 'path' | 'words'>): number {
  const [ours, theirs] = streamPair();
  const words = [process.execPath, SUPERVISOR, String(process.pid), socket, netns, log];
  // a shell that starts it and ends
  const { status, error } = spawnSync('/bin/sh', ['-c', '"$@" &', 'sh', ...words], {
    stdio: ['ignore', 'ignore', 'ignore', theirs],
  });
  closeFd(theirs);
  if (status === 0) return ours;
  throw new IpvsError(
    'SYSTEM',
    `/bin/sh cannot start the supervisor: ${error?.message ?? `status ${status}`}`,
  );
}

function heed(word: SupervisorWord | undefined): void {
  if (word === undefined) throw new IpvsError('SYSTEM', 'the supervisor has ended');
  if (word.word === 'refused') throw fromCommandError(word.error);
}

function whyNot(error: unknown): unknown {
  if (!(error instanceof SystemError) || !error.message.startsWith('seccomp')) return error;
  return new IpvsError(
    'SYSTEM',
    `${error.message} (needs Linux 5.19 with seccomp user notification, and a container that allows it)`,
  );
}

/** The texts of a file of `/proc/self`, as bytes. */
function zeroTerminated(path: string): Buffer[] {
  const bytes = readFileSync(path);
  const texts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    texts.push(bytes.subarray(at, end < 0 ? bytes.length : end));
    at = end < 0 ? bytes.length : end + 1;
  }
  return texts;
}
