/** Splitting of a command line into words, as a POSIX shell does without expansions. */
import { IpvsError } from '../../errors.js';

/** The words of `line`; quotes and backslashes are honoured. @throws IpvsError `INVALID` when a quote is not closed. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quote === "'") {
      if (c === quote) quote = '';
      else word += c;
    } else if (c === '\\' && (quote === '' || /["\\$`]/.test(line[i + 1] ?? ''))) {
      word = (word ?? '') + (line[++i] ?? '');
    } else if (quote === '"') {
      if (c === quote) quote = '';
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= '';
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (quote !== '') throw new IpvsError('INVALID', `a ${quote} is not closed in: ${line}`);
  if (word !== undefined) words.push(word);
  return words;
}
