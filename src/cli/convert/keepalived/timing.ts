/** When keepalived checks, and what it makes of the answers: settings that a checker has, else its real server, else its virtual server. */
import type { Note } from '../note.js';
import { leaveOutExtra } from './left-out.js';
import type { Statement } from './statements.js';

/** Settings by their names in keepalived.conf; of `alpha` and `inhibit_on_failure`, `on` or `off`. */
export type Timing = ReadonlyMap<string, string>;

const WITH_VALUE = new Set(['delay_loop', 'connect_timeout', 'retry', 'virtualhost']);
const SWITCHES = new Set(['alpha', 'inhibit_on_failure']);
const ON = new Set(['', 'on', 'yes', 'true']);
const NUMBER = /^\d{1,7}(\.\d+)?$/;

/** Takes the setting that a statement is. @returns false when it is none of them */
export function readTiming(statement: Statement, into: Map<string, string>, note: Note): boolean {
  const [name = '', value = ''] = statement.words;
  if (SWITCHES.has(name)) into.set(name, ON.has(value) ? 'on' : 'off');
  else if (!WITH_VALUE.has(name)) return false;
  else if (name === 'virtualhost' || NUMBER.test(value)) into.set(name, value);
  else note(statement, `${statement.words.join(' ')}: not a number`);
  leaveOutExtra(statement, 2, note);
  return true;
}

/** Seconds as milliseconds, in the range of intervals and timeouts. */
export function milliseconds(seconds: string): number {
  return Math.min(Math.max(Math.round(Number(seconds) * 1000), 10), 3_600_000);
}
