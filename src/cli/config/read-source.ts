/** Where commands read configurations from. */
import { readFileSync } from 'node:fs';
import { readText } from '../../daemon/config/config-file.js';

/** The text of a file, or for `-` of the standard input, with the name that messages have for it. @throws BAD_CONFIG */
export function readSource(file: string): { text: string; file: string } {
  return file === '-'
    ? { text: readFileSync(0, 'utf8'), file: '(standard input)' }
    : { text: readText(file), file };
}
