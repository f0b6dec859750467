/**
 * Cutting a configuration's text into its services, so that of ten thousand only those that have changed are read anew. Only texts that
 * can be cut without being understood are: `services` as a block sequence, without anchors, aliases and tags.
 */

/** A text in pieces. */
export interface ServiceBlocks {
  /** All but the services. */
  readonly rest: string;
  /** Line of the text, from 0, at which the services were cut out, and lines that they had, their key included. */
  readonly cutLine: number;
  readonly cutLines: number;
  readonly blocks: readonly ServiceBlock[];
}

/** A piece: a sequence of one service. */
export interface ServiceBlock {
  readonly text: string;
  /** Offset in the whole text. */
  readonly start: number;
}

const KEY = /^services:[ \t]*(#.*)?\r?$/gm;
/** An anchor, an alias, a tag or a merge key: pieces would not know each other's. */
const REFERENCE = /(?<![^\s,[{])[&*!]\S/;
/** Nothing but comments, or a key at the beginning of a line. */
const PLAIN_BEGIN = /^(?:[ \t]*(?:#.*)?\r?\n)*(?:$|[A-Za-z_][\w-]*:)/;
const ITEM = /^ *-[ \r\n]/;

/** The pieces of `text`, or undefined when it is not one that can be cut. */
export function cutServices(text: string): ServiceBlocks | undefined {
  const keys = [...text.matchAll(KEY)];
  if (keys.length !== 1) return undefined;
  const { index, 0: line } = keys[0]!;
  // other keys must stand in the same column, which nobody sees in pieces
  if (!PLAIN_BEGIN.test(text.slice(0, index))) return undefined;
  const begin = index + line.length + 1;
  const starts: number[] = [];
  let indent: number | undefined;
  let end = begin;
  while (end < text.length) {
    const next = nextLine(text, end);
    const first = firstLetter(text, end);
    // blank lines and comments belong to what is before them
    if (first < next && text[first] !== '#') {
      const column = first - end;
      const item =
        text[first] === '-' &&
        column === (indent ?? column) &&
        ITEM.test(text.slice(end, Math.min(next, first + 2)));
      if (item) {
        indent = column;
        starts.push(end);
      } else if (indent === undefined) return undefined;
      else if (column === 0) break;
      else if (column <= indent) return undefined;
    }
    end = next;
  }
  const from = starts[0];
  if (from === undefined || REFERENCE.test(text.slice(from, end))) return undefined;
  return {
    rest: text.slice(0, index) + text.slice(end),
    cutLine: countLines(text, 0, index),
    cutLines: countLines(text, index, end),
    blocks: starts.map((start, i) => ({ start, text: text.slice(start, starts[i + 1] ?? end) })),
  };
}

/** Newlines between two offsets. */
export function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function nextLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline < 0 ? text.length : newline + 1;
}

/** The first character that is no blank, newlines included. */
function firstLetter(text: string, at: number): number {
  let i = at;
  while (i < text.length && (text[i] === ' ' || text[i] === '\r' || text[i] === '\n')) i++;
  return i;
}
