/** `MISC_CHECK` as a check. */
import { type Fields, type Source, take } from './checker-source.js';
import { leaveOut } from './left-out.js';
import { milliseconds } from './timing.js';

/** A program with its arguments; by a shell where it is more than that. */
export function readMisc({ statement, statements, timing, note }: Source): Fields[] {
  let path = '';
  let timeout = timing.get('delay_loop') ?? '60';
  let dynamic = false;
  take(statements, note, {
    misc_path: ([value = '']) => {
      path = value;
    },
    misc_timeout: ([value = '']) => {
      timeout = value;
    },
    misc_dynamic(_, inner) {
      dynamic = true;
      leaveOut(inner, note);
    },
  });
  if (path === '') {
    note(statement, `${statement.words[0]}: without a misc_path nothing is run`);
    return [];
  }
  return [{ type: 'exec', command: commandOf(path, dynamic), timeout: milliseconds(timeout) }];
}

function commandOf(path: string, dynamic: boolean): string[] {
  // every status but 1 asks for a weight, and is a success
  if (dynamic) return ['/bin/sh', '-c', `(${path}); test $? -ne 1`];
  const plain = /^[\w\s./:=@%+,-]+$/.test(path);
  return plain ? path.trim().split(/\s+/) : ['/bin/sh', '-c', path];
}
