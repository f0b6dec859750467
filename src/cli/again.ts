/** This process becomes the program that is installed now, with the words of the command line that it was started with. */
import { readFileSync } from 'node:fs';
import { execve } from '../linux/execve.js';

/** Never returns. @throws SystemError when that cannot be */
export function runAgain(): never {
  const words = splitWords(readFileSync('/proc/self/cmdline'));
  const environment = Object.entries(process.env).map(([name, value]) =>
    Buffer.from(`${name}=${value ?? ''}`),
  );
  return execve(process.execPath, words, environment);
}

/** The words that have a 0 behind each. */
function splitWords(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from))
    words.push(bytes.subarray(from, to));
  return words;
}
