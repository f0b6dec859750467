/** What launcher and supervisor say to each other before the program runs, over a pair of streams: one line at a time, in turns. */
import { readSync, writeSync } from 'node:fs';
import type { CommandError } from '../control/command.js';

/** What the supervisor says. */
export type SupervisorWord =
  /** The daemon answers: install the filter. */
  | { readonly word: 'ready' }
  /** It cannot supervise. */
  | { readonly word: 'refused'; readonly error: CommandError }
  /** It has the listener: run the program. */
  | { readonly word: 'taken' };

/** What the launcher says: number of the listener among its descriptors. */
export interface LauncherWord {
  readonly listener: number;
}

/** Says something. */
export function say(fd: number, word: SupervisorWord | LauncherWord): void {
  writeSync(fd, `${JSON.stringify(word)}\n`);
}

/** Waits for what the other says; undefined when it has ended. */
export function hear<W extends SupervisorWord | LauncherWord>(fd: number): W | undefined {
  const buffer = Buffer.alloc(4096);
  let text = '';
  while (!text.endsWith('\n')) {
    const n = readSync(fd, buffer);
    if (n === 0) return undefined;
    text += buffer.toString('utf8', 0, n);
  }
  return JSON.parse(text) as W;
}
