import { fileURLToPath } from 'node:url';

/** Path of a program beside this file. */
export function script(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}
