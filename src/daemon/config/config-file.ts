/** Configuration files. */
import { readFileSync } from 'node:fs';
import { IpvsError } from '../../errors.js';

/** The text of a configuration file. @throws BAD_CONFIG when it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new IpvsError('BAD_CONFIG', `${path}: ${(error as Error).message}`);
  }
}
