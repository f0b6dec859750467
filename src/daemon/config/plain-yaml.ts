/**
 * The YAML that people mostly write, read some fifty times as fast as all of YAML: block maps and lists, flow ones that stand on a single line, words,
 * numbers and addresses, comments. What is anything else is left to the real parser; what is read here is what that one makes of it.
 */

/** The text is not that plain. */
export const NOT_PLAIN = Symbol('not plain');

const KEY = /^([A-Za-z_][\w-]*):(?: +(\S.*))?$/;
const INTEGER = /^(0|-?[1-9]\d{0,14})$/;
/** A word or a path, or what has two dots or two colons at least, as addresses have: nothing that is a number, a date or a map. */
const TEXT =
  /^(?:[A-Za-z_/][\w./-]*(?::[\w./-]+)*|\d+\.\d+\.[\d.]*\d|[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){1,8}[0-9A-Fa-f])$/;
/** Brackets inside each other at most. */
const DEEPEST = 8;
/** Words that stand for other things. */
const RESERVED = /^(null|true|false|~)$/i;

interface Line {
  readonly column: number;
  readonly text: string;
}

/** Maps and lists inside one another, more than anybody's; what is deeper is left to who can tell of it. */
const DEPTH_MAX = 64;

class NotPlainError extends Error {}

/** The data in `text`, or {@link NOT_PLAIN}. */
export function parsePlainYaml(text: string): unknown {
  try {
    const reader = new PlainReader(linesOf(text));
    return reader.whole();
  } catch (error) {
    if (error instanceof NotPlainError) return NOT_PLAIN;
    throw error;
  }
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split('\n')) {
    let column = 0;
    while (line[column] === ' ') column++;
    const first = line[column];
    if (first === undefined || first === '\r' || first === '#') continue;
    const comment = line.indexOf(' #', column);
    let end = comment < 0 ? line.length : comment;
    while (line[end - 1] === ' ' || (end === line.length && line[end - 1] === '\r')) end--;
    const text = line.slice(column, end);
    // letters that are not ASCII may be blanks to one and not to another
    if (/[^ -~]/.test(text)) throw new NotPlainError();
    lines.push({ column, text });
  }
  return lines;
}

class PlainReader {
  readonly #lines: Line[];
  #at = 0;
  #depth = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  whole(): unknown {
    if (this.#lines.length === 0) return null;
    const value = this.#node();
    if (this.#at < this.#lines.length) throw new NotPlainError();
    return value;
  }

  /** What begins at the current line. */
  #node(): unknown {
    if (++this.#depth > DEPTH_MAX) throw new NotPlainError();
    const value = this.#nodeAt(this.#lines[this.#at]!);
    this.#depth--;
    return value;
  }

  #nodeAt({ column, text }: Line): unknown {
    if (text === '-' || text.startsWith('- ')) return this.#sequence(column);
    if (KEY.test(text)) return this.#map(column);
    this.#at++;
    return inline(text);
  }

  #sequence(column: number): unknown[] {
    const items: unknown[] = [];
    for (;;) {
      const line = this.#lines[this.#at];
      if (line === undefined || line.column < column) return items;
      if (line.column > column) throw new NotPlainError();
      if (line.text === '-') throw new NotPlainError();
      if (!line.text.startsWith('- ')) return items;
      // what is behind the dash stands in its own column
      const rest = line.text.slice(1).trimStart();
      this.#lines[this.#at] = { column: column + line.text.length - rest.length, text: rest };
      items.push(this.#node());
    }
  }

  #map(column: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (;;) {
      const line = this.#lines[this.#at];
      if (line === undefined || line.column < column) return map;
      const [, key, rest] = (line.column === column && KEY.exec(line.text)) || [];
      if (key === undefined || Object.hasOwn(map, key) || key === '__proto__' || RESERVED.test(key)) {
        throw new NotPlainError();
      }
      this.#at++;
      map[key] = rest === undefined ? this.#below(column) : inline(rest);
    }
  }

  /** The value of a key that has nothing behind it. */
  #below(column: number): unknown {
    const next = this.#lines[this.#at];
    if (next === undefined || next.column < column) return null;
    // a list may stand in its key's own column
    if (next.column === column) return next.text.startsWith('- ') ? this.#sequence(column) : null;
    return this.#node();
  }
}

/** A value on a line. */
function inline(text: string): unknown {
  if (text.startsWith('{')) return flowMap(inner(text, '}'));
  if (text.startsWith('[')) return inner(text, ']').map(inline);
  return scalar(text);
}

/** The entries between brackets. */
function inner(text: string, end: string): string[] {
  if (!text.endsWith(end)) throw new NotPlainError();
  const body = text.slice(1, -1).trim();
  const entries = /[{}[\]]/.test(body) ? entriesAround(body) : body.split(',');
  return body === '' ? [] : entries.map((entry) => entry.trim());
}

/** What commas part, but for those inside brackets. That each has its own counterpart shows when an entry is read. */
function entriesAround(body: string): string[] {
  const entries: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < body.length; i++) {
    const letter = body[i]!;
    if (letter === '{' || letter === '[') depth++;
    else if (letter === '}' || letter === ']') depth--;
    else if (letter === ',' && depth === 0) {
      entries.push(body.slice(start, i));
      start = i + 1;
    }
    if (depth < 0 || depth > DEEPEST) throw new NotPlainError();
  }
  if (depth > 0) throw new NotPlainError();
  entries.push(body.slice(start));
  return entries;
}

function flowMap(entries: readonly string[]): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const entry of entries) {
    const [, key, value] = KEY.exec(entry) ?? [];
    if (key === undefined || value === undefined || Object.hasOwn(map, key)) throw new NotPlainError();
    if (key === '__proto__' || RESERVED.test(key)) throw new NotPlainError();
    map[key] = inline(value);
  }
  return map;
}

function scalar(text: string): string | number {
  if (INTEGER.test(text)) return Number(text);
  if (TEXT.test(text) && !RESERVED.test(text)) return text;
  throw new NotPlainError();
}
