/** Running programs in the namespace that the main thread is in. */
import { readFileSync, writeFileSync } from 'node:fs';
import { shellWords } from '../../../src/datapath/scenario/shell-words.js';
import { libc, stableBytes } from './libc.js';
import { errorText } from './system.js';

const ENVIRONMENT = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C', null];
/** Standard input, output and error go through files in the guest's memory. */
const FILES = ['/run/stdin', '/run/stdout', '/run/stderr'] as const;
const O_WRONLY_CREAT_TRUNC = 0o1101;

// opaque, with room to spare
const actions = stableBytes(256);
libc.spawnFileActionsInit(actions);
FILES.forEach((path, fd) => {
  libc.spawnFileActionsAddopen(actions, fd, path, fd === 0 ? 0 : O_WRONLY_CREAT_TRUNC, 0o600);
});

/** How a program ended; `rc` is 127 when it could not be started, and 128 + N when signal N ended it. */
export interface Finished {
  rc: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. @param command its words, or a line to be split into words. */
export function run(command: string | readonly string[], input = ''): Finished {
  const words = typeof command === 'string' ? shellWords(command) : command;
  const program = words[0] ?? '';
  writeFileSync(FILES[0], input);
  const pid = [0];
  // Node's own child_process forks, which takes a guest longer than sharing the memory until the exec
  const failed = libc.posixSpawnp(pid, program, actions, null, [...words, null], ENVIRONMENT);
  if (failed !== 0) return { rc: 127, stdout: '', stderr: `${program}: ${errorText(failed)}\n` };
  const status = [0];
  libc.waitpid(pid[0]!, status, 0);
  const signal = status[0]! & 0x7f;
  return {
    rc: signal === 0 ? status[0]! >>> 8 : 128 + signal,
    stdout: readFileSync(FILES[1], 'utf8'),
    stderr: readFileSync(FILES[2], 'utf8'),
  };
}

/** As {@link run}, for what must work. */
export function must(command: string | readonly string[], input = ''): void {
  const { rc, stderr } = run(command, input);
  if (rc !== 0)
    throw new Error(`${typeof command === 'string' ? command : command.join(' ')}: ${rc} ${stderr}`);
}
