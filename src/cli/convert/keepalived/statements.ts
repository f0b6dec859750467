/** keepalived.conf as statements: words, and blocks of more of them. */
import { IpvsError } from '../../../errors.js';
import { noteText, type Place } from '../note.js';
import type { SourceLine } from './source-lines.js';

/** A statement with the words that it has. */
export interface Statement extends Place {
  readonly words: readonly string[];
  /** What is between its braces, if it has any. */
  readonly block?: readonly Statement[];
}

interface OpenStatement extends Statement {
  block?: OpenStatement[];
}

/** A quoted text, braces, or what is between blanks; `${...}` is part of a word. */
const TOKEN = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([{}])|((?:\$\{\w*\}|[^\s{}"'])+)/g;

/** The statements of some lines. @throws BAD_CONFIG for braces that do not match */
export function parseStatements(lines: readonly SourceLine[]): Statement[] {
  const top: OpenStatement[] = [];
  const open: OpenStatement[] = [];
  for (const { file, line, text } of lines) {
    const place = { file, line };
    const here = () => open.at(-1)?.block ?? top;
    let words: string[] = [];
    const end = (): void => {
      if (words.length > 0) here().push({ ...place, words });
      words = [];
    };
    for (const [, double, single, brace, bare] of text.matchAll(TOKEN)) {
      if (brace === undefined) {
        words.push(bare ?? unescaped(double ?? single!));
        continue;
      }
      end();
      if (brace === '}') {
        if (open.pop() === undefined) throw unmatched(place, brace);
        continue;
      }
      // also when it has a line of its own
      const owner = here().at(-1);
      if (owner === undefined || owner.block !== undefined) throw unmatched(place, brace);
      owner.block = [];
      open.push(owner);
    }
    end();
  }
  const left = open.at(-1);
  if (left !== undefined) throw unmatched(left, '{');
  return top;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function unmatched(place: Place, brace: string): IpvsError {
  return new IpvsError('BAD_CONFIG', noteText(place, `a "${brace}" without its partner`));
}
