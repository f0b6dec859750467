/** Texts of configurations that somebody has spoilt: by a slip, or so that reading them takes long. */
import fc from 'fast-check';
import { stringify } from 'yaml';
import { anyConfig } from './support.js';

/** What stands in the place of a value. */
const VALUES = [
  ...[
    '',
    '~',
    'null',
    '-1',
    '0',
    '1e9',
    '0x10',
    '0o7',
    '1_000',
    '.inf',
    '.nan',
    '-0',
    '1.5',
    '99999999999999999999',
  ],
  ...[
    'true',
    'yes',
    '""',
    '" "',
    "''",
    '"\\u0000"',
    '"\\ud800"',
    '\ud83d\ude00',
    '\u2028',
    '\ufeff',
    '2001-12-14',
  ],
  ...['[]', '{}', '[1, [2]]', '{ a: { b: 1 } }', '[', '}', '"', "'", '|', '>', '|+9', '%', '@', '`', ','],
  ...[
    '&a x',
    '*a',
    '*nobody',
    '!!str 1',
    '!!binary aGk=',
    '!!set {a}',
    '!x y',
    '<<: *a',
    '? x',
    '- - - x',
    '# x',
  ],
  ...[
    '10.1.0.100',
    '::',
    '::ffff:1.2.3.4',
    'fd00::g',
    '300.1.1.1',
    '[*a, *a]',
    'a: b: c',
    '...',
    '---',
    '\t',
  ],
  'x'.repeat(300),
] as const;
/** Keys that are not those that were there. */
const KEYS = [
  '__proto__',
  'constructor',
  '<<',
  '',
  '~',
  'dests',
  'services',
  'namespaces',
  'fwmark',
  '? x',
  '&b k',
  'tcp',
];

const CHANGES = ['value', 'key', 'away', 'twice', 'swap', 'indent', 'letter', 'cut', 'anchor'] as const;

const change = fc.record({
  how: fc.constantFrom(...CHANGES),
  line: fc.nat(200),
  at: fc.nat(60),
  value: fc.constantFrom(...VALUES),
  key: fc.constantFrom(...KEYS),
  letter: fc.oneof(
    fc.constantFrom(...'-:{}[]#&*!|>\'"%@`,?\t\r\0 \n'),
    fc.string({ unit: 'grapheme', maxLength: 1 }),
  ),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function spoil(text: string, { how, line, at, value, key, letter }: Change): string {
  const lines = text.split('\n');
  const i = line % lines.length;
  const old = lines[i]!;
  const [, before = '', name = ''] = /^([ -]*)([^:]*)/.exec(old) ?? [];
  const next = {
    value: () => [`${before}${name}: ${value}`],
    key: () => [`${before}${key}${old.slice(before.length + name.length)}`],
    away: () => [],
    twice: () => [old, old],
    swap: () => [lines[(i + 1) % lines.length]!, old],
    indent: () => [at % 2 === 0 ? ` ${old}` : old.slice(1)],
    letter: () => [old.slice(0, at % (old.length + 1)) + letter + old.slice((at % (old.length + 1)) + 1)],
    cut: () => [old.slice(0, at % (old.length + 1))],
    anchor: () => [old.replace(/: ?/, ': &a ')],
  }[how]();
  return [...lines.slice(0, i), ...next, ...lines.slice(i + 1)].join('\n');
}

/** A configuration with a few slips in it, in one of the styles that people write. */
export const spoiltText: fc.Arbitrary<string> = fc
  .record({
    config: anyConfig,
    style: fc.constantFrom<((config: object) => string)[]>(
      (config) => stringify(config),
      (config) => stringify(config, { collectionStyle: 'flow', lineWidth: 60 }),
      (config) => JSON.stringify(config, undefined, 1),
    ),
    changes: fc.array(change, { maxLength: 3 }),
  })
  .map(({ config, style, changes }) => changes.reduce(spoil, style(config)));

const many = (count: number, of: (i: number) => string, between = '\n'): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(between);

/** Texts that look harmless by their length. */
export const HARD_TEXTS: Readonly<Record<string, string>> = {
  'lists in lists that are not closed': `a: ${'['.repeat(5000)}`,
  'lists in lists': `services: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  'lists in lists, as JSON': `{"services":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  'maps in maps, as JSON': `${'{"services":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
  'lists in lists by their dashes': `services:\n${'- '.repeat(20_000)}x`,
  'lists in lists in a service': `services:\n  - dests: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`,
  'maps in maps by their indentation': many(1000, (i) => `${' '.repeat(i)}a:`),
  'keys in keys': '? '.repeat(10_000),
  'many keys': many(20_000, (i) => `k${i}: 1`),
  'many keys in braces': `a: {${many(20_000, (i) => `k${i}: 1`, ', ')}}`,
  'many keys of a service': `services:\n  - fwmark: 1\n${many(20_000, (i) => `    k${i}: 1`)}`,
  'many services that are none': `services:\n${'  - x\n'.repeat(20_000)}`,
  'the same service many times': `services:\n${'  - fwmark: 1\n'.repeat(5000)}`,
  'a long word': `services:\n  - { fwmark: 1, scheduler: ${'x'.repeat(1_000_000)} }`,
  'a long text': `services:\n  - { fwmark: 1, scheduler: "${'x'.repeat(1_000_000)}" }`,
  'a long number': `connLimit: ${'9'.repeat(100_000)}`,
  'a long tag': `a: ${'!'.repeat(100_000)}`,
  'many documents': '---\n'.repeat(50_000),
  'many aliases': `- &a x\n${'- *a\n'.repeat(20_000)}`,
  'aliases of aliases': `a: &a [x,x,x,x,x,x,x,x,x]\n${many(9, (i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghij'[i]},`.repeat(9)}]`)}`,
  'an alias of itself': '&a [*a]',
  'services that are their own': 'services: &a\n  - *a',
  'a map merged into itself': 'x: &a { <<: *a }',
  'many merged maps': `x: &a {${many(1000, (i) => `k${i}: 1`, ', ')}}\n${many(90, (i) => `y${i}: { <<: *a }`)}`,
  commas: `a: [${','.repeat(20_000)}`,
  colons: ':'.repeat(100_000),
  escapes: `"${'\\x'.repeat(20_000)}`,
  comments: '# x\n'.repeat(100_000),
  'comments before services': `${'# x\n'.repeat(200_000)} table: 1\nservices:\n  - fwmark: 1\n`,
  'empty lines': '\n'.repeat(300_000),
  directives: `${'%YAML 1.2\n'.repeat(5000)}---\na: 1`,
};
