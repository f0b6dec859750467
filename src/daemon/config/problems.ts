/** Problems of a configuration as text: where, what, and the line itself. */
import { IpvsError } from '../../errors.js';
import type { Problem } from './document.js';

/** Characters of a line that are shown at most. */
const WIDTH = 120;
/** Characters of a message that are shown at most: some repeat what they are about. */
const MESSAGE = 1000;
/** What a terminal takes for a command, and what is shown for it. */
const CONTROL = /\p{Cc}/gu;
const HIDDEN = '\ufffd';
/** Problems that are shown at most. */
const SHOWN = 20;

/**
 * All problems of `text`, in the order of their places, as one error: a line `FILE:LINE:COLUMN: what` for each, and below it the line with
 * a mark.
 */
export function configError(file: string, text: string, problems: readonly Problem[]): IpvsError {
  const lines = text.split('\n');
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted
    .slice(0, SHOWN)
    .map((problem) => showProblem(file, lines[problem.line - 1] ?? '', problem));
  const count = `${sorted.length} error${sorted.length === 1 ? '' : 's'}`;
  const head = sorted.length > SHOWN ? `${count}, of which the first ${SHOWN} are` : count;
  return new IpvsError('BAD_CONFIG', `${file}: ${head}\n${shown.join('\n')}`);
}

function showProblem(file: string, source: string, { line, column, message }: Problem): string {
  // of a long line, such as JSON in one, what is around the place
  const skip = column > WIDTH ? column - WIDTH / 2 : 0;
  const part = source
    .replace(/\r$/, '')
    .slice(skip, skip + WIDTH)
    .replaceAll('\t', ' ')
    .replace(CONTROL, HIDDEN);
  const number = String(line);
  const margin = ' '.repeat(number.length);
  const short = message.length > MESSAGE ? `${message.slice(0, MESSAGE)}...` : message;
  const said = short.replace(CONTROL, HIDDEN);
  const mark = `${' '.repeat(Math.max(column - 1 - skip, 0))}^`;
  return `${file}:${line}:${column}: ${said}\n  ${number} | ${part}\n  ${margin} | ${mark}`;
}
