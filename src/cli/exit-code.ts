/** Exit codes of `ipvsd`, as docs/cli.md documents them. */
import { type ErrorCode, IpvsError } from '../errors.js';

export const EXIT = {
  ok: 0,
  /** What was asked for failed. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** More privilege is needed. */
  notPermitted: 3,
  /** Another daemon does this already. */
  alreadyRunning: 4,
  /** The configuration is wrong, or refused by the director. */
  badConfig: 5,
  /** No daemon answers. */
  noDaemon: 6,
} as const;

const BY_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  NOT_PERMITTED: EXIT.notPermitted,
  UNAUTHORIZED: EXIT.notPermitted,
  ALREADY_SERVED: EXIT.alreadyRunning,
  BAD_CONFIG: EXIT.badConfig,
  NO_NETNS: EXIT.badConfig,
  NO_DAEMON: EXIT.noDaemon,
};

/** The exit code that `error` ends a program with. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof IpvsError && BY_CODE[error.code]) || EXIT.failure;
}
