/** `-R`: a text of command lines. There are no quotes and no comments. */

/** Words that stand for the program itself: saved rules may be command lines in full. */
const PROGRAM = 'ipvsadm';

/** The lines that have words, as words. */
export function restoreLines(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(/[ \t\r]+/).filter((word) => word !== '' && word !== PROGRAM))
    .filter((words) => words.length > 0);
}
