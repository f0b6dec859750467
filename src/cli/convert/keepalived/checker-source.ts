/** What a checker of keepalived is read from, and what of it all kinds have in common. */
import type { Note } from '../note.js';
import { leaveOut } from './left-out.js';
import type { Statement } from './statements.js';
import type { Timing } from './timing.js';

/** What a checker's own statements come to: fields of a check. */
export type Fields = Record<string, unknown>;

/** A checker without the settings of when it checks. */
export interface Source {
  /** The whole of it, to be remarked on. */
  readonly statement: Statement;
  /** What is in its block. */
  readonly statements: readonly Statement[];
  readonly timing: Timing;
  readonly note: Note;
}

/** Statements that need nothing: what they ask for is always so. */
const NEEDLESS = new Set(['fast_recovery', 'log_all_failures', 'regex_stack']);

/** Takes the statements that are about a kind of checker by name; all others are remarked. */
export function take(
  statements: readonly Statement[],
  note: Note,
  takers: Readonly<Record<string, (words: readonly string[], statement: Statement) => void>>,
): void {
  for (const statement of statements) {
    const [name = '', ...words] = statement.words;
    if (Object.hasOwn(takers, name)) takers[name]!(words, statement);
    else if (!NEEDLESS.has(name)) leaveOut(statement, note);
  }
}

/** Of a connection: statements with one value, by the field that each is. */
export function valuesOf(
  { statements, note }: Source,
  fields: Readonly<Record<string, string>> = {},
  others: Parameters<typeof take>[2] = {},
): Fields {
  const out: Fields = {};
  const values = Object.entries(fields).map(([name, field]) => [
    name,
    ([value = '']: readonly string[]) => {
      out[field] = value;
    },
  ]);
  take(statements, note, {
    connect_port([value = ''], statement) {
      if (/^\d+$/.test(value)) out.port = Number(value);
      else leaveOut(statement, note);
    },
    ...Object.fromEntries(values),
    ...others,
  });
  return out;
}
