/** Errors of commands as plain data, for the ways between processes and threads. */
import { ERRORS, type ErrorCode, IpvsError } from '../errors.js';
import type { CommandError } from './command.js';

/** Any error as plain data. What is no `IpvsError` is a fault of ours and becomes SYSTEM. */
export function toCommandError(error: unknown): CommandError {
  if (!(error instanceof IpvsError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'SYSTEM', errno: ERRORS.SYSTEM.errno, message };
  }
  const { code, errno, message, field } = error;
  return { code, errno, message, ...(field !== undefined && { field }) };
}

/** The error that `data` describes. */
export function fromCommandError(data: CommandError): IpvsError {
  const code: ErrorCode = Object.hasOwn(ERRORS, data.code) ? data.code : 'SYSTEM';
  return new IpvsError(code, detailOf(data), data.field);
}

/** An error's message without the field that it begins with. */
export function detailOf(
  error: Pick<CommandError, 'message'> & { readonly field?: string | undefined },
): string {
  const prefix = `${error.field}: `;
  return error.field !== undefined && error.message.startsWith(prefix)
    ? error.message.slice(prefix.length)
    : error.message;
}

/** The same error about another field, or about none. */
export function withField(
  error: IpvsError,
  field: string | undefined,
  code: ErrorCode = error.code,
): IpvsError {
  return new IpvsError(code, detailOf(error), field);
}
