/** The lines of a keepalived.conf: comments gone, files included, parameters put in. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { IpvsError } from '../../../errors.js';
import { type Note, noteText, type Place } from '../note.js';

/** A line that says something. */
export interface SourceLine extends Place {
  readonly text: string;
}

/** Files included in files at most, and parameters in parameters. */
const DEPTH_MAX = 20;
/** Lines of all files, and characters of one line, parameters put in: a few of these can stand for more than any memory holds. */
const LINES_MAX = 300_000;
const LINE_MAX = 100_000;
const INCLUDE = /^(include[rmwba]?)\s+(\S+)$/;
const DEFINITION = /^\$([A-Za-z_]\w*)=(.*)$/;

/** Reads lines, with a memory of parameters. */
export class SourceReader {
  readonly #note: Note;
  readonly #parameters = new Map<string, string>([
    ['_HASH', '#'],
    ['_BANG', '!'],
  ]);
  #read = 0;

  constructor(note: Note) {
    this.#note = note;
  }

  /** All lines of `text`, which is that of `file`. @throws BAD_CONFIG when files or parameters include each other without an end */
  read(text: string, file: string, depth = 0): SourceLine[] {
    if (depth > DEPTH_MAX) throw new IpvsError('BAD_CONFIG', `${file}: included too deeply`);
    const out: SourceLine[] = [];
    const lines = text.split('\n');
    this.#read += lines.length;
    if (this.#read > LINES_MAX)
      throw new IpvsError('BAD_CONFIG', `${file}: more than ${LINES_MAX} lines, parameters put in`);
    for (let i = 0; i < lines.length; i++) {
      const place = { file, line: i + 1 };
      let line = withoutComment(lines[i]!).trim();
      const definition = DEFINITION.exec(line);
      if (definition !== null) {
        let value = definition[2]!.trim();
        // the lines of a definition end in a backslash, all but the last
        while (value.endsWith('\\') && i + 1 < lines.length) {
          value = `${value.slice(0, -1).trimEnd()}\n${withoutComment(lines[++i]!).trim()}`;
        }
        this.#parameters.set(definition[1]!, value.trim());
        continue;
      }
      // elsewhere a backslash only joins lines
      while (line.endsWith('\\') && i + 1 < lines.length) {
        line = `${line.slice(0, -1)} ${withoutComment(lines[++i]!).trim()}`;
      }
      const include = INCLUDE.exec(line);
      const found =
        include !== null ? this.#include(include[2]!, place, depth) : this.#expand(line, place, depth);
      // they may be more than a call takes arguments
      for (const each of found) out.push(each);
    }
    return out;
  }

  #include(pattern: string, place: Place, depth: number): SourceLine[] {
    const files = matchingFiles(pattern.replace(/^(["'])(.*)\1$/, '$2'), dirname(resolve(place.file)));
    if (files.length === 0) this.#note(place, `include ${pattern}: no such file`);
    return files.flatMap((file) => this.read(readFileSync(file, 'utf8'), file, depth + 1));
  }

  #expand(line: string, place: Place, depth: number): SourceLine[] {
    const text = this.#conditional(line, place);
    if (text === '') return [];
    if (text.startsWith('~')) {
      this.#note(place, `${text}: sequences are not understood; write the lines out`);
      return [];
    }
    const replaced = this.#replace(text, place);
    // what a parameter holds may be lines, with parameters of their own
    if (!replaced.includes('\n')) return [{ ...place, text: replaced }];
    const { file, line: number } = place;
    return this.read(replaced, file, depth + 1).map((inner) => ({ ...inner, file, line: number }));
  }

  /** A line for one configuration id only, as keepalived takes it when it is given none. */
  #conditional(line: string, place: Place): string {
    const [, not, id, rest] = /^@(\^?)(\S+)\s*(.*)$/.exec(line) ?? [];
    if (id === undefined) return line;
    if (not === '^') return rest!;
    this.#note(place, `${line}: only for the configuration id ${id}`);
    return '';
  }

  #replace(line: string, place: Place): string {
    let text = line;
    for (let round = 0; round < DEPTH_MAX; round++) {
      let length = text.length;
      const next = text.replace(/\$(?:\{(\w+)\}|(\w+)(?=\s|$))/g, (whole, braced, bare) => {
        const value = this.#parameters.get(braced ?? bare);
        length += value?.length ?? 0;
        if (length > LINE_MAX)
          throw new IpvsError(
            'BAD_CONFIG',
            noteText(place, `more than ${LINE_MAX} characters, parameters put in`),
          );
        return value ?? whole;
      });
      if (next === text || next.includes('\n')) return next;
      text = next;
    }
    return text;
  }
}

/** What is before a `#` or `!` that begins a comment: one that is not inside quotes. */
function withoutComment(line: string): string {
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const letter = line[i]!;
    if (letter === '\\') i++;
    else if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '#' || letter === '!') return line.slice(0, i);
  }
  return line;
}

/** Files that a path with `*`, `?` and `[...]` stands for, in alphabetical order. */
function matchingFiles(pattern: string, folder: string): string[] {
  let found = [isAbsolute(pattern) ? '/' : folder];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    const wild = /[*?[]/.test(part);
    found = found.flatMap((path) => (wild ? entriesLike(path, part) : [join(path, part)]));
  }
  return found.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

function entriesLike(folder: string, pattern: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  const like = likePattern(pattern);
  return readdirSync(folder)
    .filter((name) => like.test(name) && !basename(name).startsWith('.'))
    .sort()
    .map((name) => join(folder, name));
}

/** A pattern as a regular expression; a bracket that is none stands for itself. */
function likePattern(pattern: string): RegExp {
  const source = (special: RegExp): string =>
    `^${pattern.replace(special, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`;
  try {
    return new RegExp(source(/[.+^${}()|\\]/g));
  } catch {
    return new RegExp(source(/[.+^${}()|\\[\]]/g));
  }
}
