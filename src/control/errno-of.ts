/** Errors as the kernel's numbers. */
import { constants } from 'node:os';
import { IpvsError } from '../errors.js';

/** The kernel's number for an error; that of EIO for a fault of ours. */
export function errnoOf(error: unknown): number {
  const name = error instanceof IpvsError ? error.errno : 'EIO';
  return constants.errno[name as keyof typeof constants.errno];
}
