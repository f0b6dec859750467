/** Configuration files. */
import { readFileSync } from 'node:fs';
import { IpvsError } from '../../errors.js';

/** The text of a configuration file. @throws BAD_CONFIG when it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new IpvsError('BAD_CONFIG', `${path}: ${code === 'ENOENT' ? 'there is no such file' : message}`);
  }
}
