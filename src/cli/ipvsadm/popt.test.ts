import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Popt, type PoptOption } from './popt.js';

const options: readonly PoptOption[] = [
  { long: 'list', short: 'L', value: 'none' },
  { long: 'numeric', short: 'n', value: 'none' },
  { long: 'weight', short: 'w', value: 'required' },
  { long: 'persistent', short: 'p', value: 'optional' },
];

/** The whole line as texts: options with their values, a problem with the word at fault, other arguments in parentheses. */
function parsed(...args: string[]): string[] {
  const popt = new Popt(options, args);
  const found: string[] = [];
  for (let step = popt.next(); step !== undefined; step = popt.next()) {
    if ('problem' in step) return [...found, `${popt.word}: ${step.problem}`];
    found.push(`${step.option.short}${step.value === undefined ? '' : `=${step.value}`}`);
  }
  for (let arg = popt.shiftArgument(); arg !== undefined; arg = popt.shiftArgument()) found.push(`(${arg})`);
  return found;
}

describe('a word of the command line', () => {
  test('is a long option by its exact name only', () => {
    assert.deepEqual(parsed('--list', '--numeric'), ['L', 'n']);
    assert.deepEqual(parsed('--num'), ['--num: unknown option']);
  });

  test('is a bundle of short options', () => {
    assert.deepEqual(parsed('-Ln'), ['L', 'n']);
    assert.deepEqual(parsed('-LQ', '-n'), ['L', '-LQ: unknown option']);
  });

  test('is an argument when it has no dash, or nothing else, or comes behind --', () => {
    assert.deepEqual(parsed('a', '-L', '-', '', '--', '-n', '--'), ['L', '(a)', '(-)', '()', '(-n)', '(--)']);
  });
});

describe('a value', () => {
  test('stands in the same word, behind an equals sign or not, or in the next word, whatever that is', () => {
    assert.deepEqual(parsed('-w5', '-w=6', '-w', '7', '-w', '-L'), ['w=5', 'w=6', 'w=7', 'w=-L']);
    assert.deepEqual(parsed('--weight=5', '--weight', '6', '--weight='), ['w=5', 'w=6', 'w=']);
    assert.deepEqual(parsed('-Lw5', '-nw', '6'), ['L', 'w=5', 'n', 'w=6']);
  });

  test('may be missing only where it is optional', () => {
    assert.deepEqual(parsed('-L', '-nw'), ['L', 'n', '-nw: missing argument']);
    assert.deepEqual(parsed('-p'), ['p']);
  });

  test('that is optional is never a word with a dash', () => {
    assert.deepEqual(parsed('-p', '-n'), ['p', 'n']);
    assert.deepEqual(parsed('-p', '--', '5'), ['p', '(5)']);
    assert.deepEqual(parsed('-p', '5', '-p-5', '--persistent=-6'), ['p=5', 'p=-5', 'p=-6']);
  });

  test('is refused where none belongs', () => {
    assert.deepEqual(parsed('--list=5'), ['--list=5: option does not take an argument']);
    assert.deepEqual(parsed('-Ln=5'), ['L', '-Ln=5: option does not take an argument']);
  });
});

test('any line comes to an end, and words without dashes are all found as arguments', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('-L', '-n', '-w', '--weight', '-p', '--', '-', '-Lnw=', '--list='),
  );
  fc.assert(fc.property(fc.array(word), (args) => void parsed(...args)));
  const plain = fc.string().filter((text) => !text.startsWith('-'));
  fc.assert(
    fc.property(fc.array(plain), (args) => {
      assert.deepEqual(
        parsed(...args),
        args.map((arg) => `(${arg})`),
      );
    }),
  );
});
