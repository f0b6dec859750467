/** Checks by a program. */
import { execFile } from 'node:child_process';
import type { Checker } from '../checker.js';

/** A program. */
export interface ExecSpec {
  /** The program's path and its arguments. */
  readonly command: readonly string[];
}

/** The program ends with status 0. `CHECK_ADDRESS` and `CHECK_PORT` in its environment say whom to ask; what it complains is the reason. */
export const checkExec: Checker<ExecSpec> = ({ address, port }, { command }, signal) => {
  const [program, ...args] = command;
  const env = { ...process.env, CHECK_ADDRESS: address, CHECK_PORT: String(port) };
  return new Promise((resolve, reject) => {
    execFile(program!, args, { env, signal, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) return resolve(undefined);
      const said = (stderr || stdout).trim().split('\n').at(-1);
      reject(new Error(said || (typeof error.code === 'number' ? `status ${error.code}` : error.message)));
    });
  });
};
