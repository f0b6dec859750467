import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IpvsError } from '../../errors.js';
import { shellWords } from './shell-words.js';

describe('shellWords', () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['  -A  -t\t1.2.3.4:80 ', ['-A', '-t', '1.2.3.4:80']],
    [`-s 'a b' "c d"`, ['-s', 'a b', 'c d']],
    [`x''y "" ''`, ['xy', '', '']],
    [String.raw`a\ b "c\"d\n" '\'`, ['a b', 'c"d\\n', '\\']],
  ];
  for (const [line, words] of cases) it(`splits ${line}`, () => assert.deepEqual(shellWords(line), words));

  it('refuses an open quote', () => assert.throws(() => shellWords(`a 'b`), IpvsError));
});
