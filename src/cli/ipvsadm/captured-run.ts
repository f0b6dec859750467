import type { Director } from '../../control/command.js';
import type { NameResolver } from './names.js';
import { runIpvsadm } from './run.js';

/** What one run of ipvsadm gave. */
export interface CapturedRun {
  /** The exit status, see {@link runIpvsadm}. */
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs ipvsadm and keeps what it prints. @param stdin all that it can read. */
export async function captureIpvsadm(
  director: Director,
  resolver: NameResolver,
  argv: readonly string[],
  stdin = '',
): Promise<CapturedRun> {
  let stdout = '';
  let stderr = '';
  const io = {
    stdin: async () => stdin,
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
    resolver,
  };
  const rc = await runIpvsadm(argv, io, director);
  return { rc, stdout, stderr };
}
