import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { NOT_PLAIN, parsePlainYaml } from './plain-yaml.js';

/** What all of YAML makes of it; undefined when it is none. */
function whole(text: string): { data: unknown } | undefined {
  try {
    return { data: parse(text) };
  } catch {
    return undefined;
  }
}

/** Pieces that meet in unhappy ways. */
const piece = fc.constantFrom(
  ...[
    'a',
    'b: ',
    'port: 80',
    '- ',
    '-',
    ':',
    ': ',
    ' ',
    '  ',
    '    ',
    '\n',
    '\n',
    '\n  ',
    '\n    ',
    '\n- ',
    '#',
    ' # x',
    '\r\n',
  ],
  ...[
    '{ ',
    '}',
    '[',
    ' ]',
    ', ',
    '1',
    '0',
    '-5',
    '00',
    '1.5',
    '10.0.0.1',
    '::1',
    'fd00::',
    'e',
    'null',
    'true',
    'yes',
    '~',
  ],
  ...[
    '&x ',
    '*x',
    '!',
    '"',
    "'",
    '|',
    '>',
    '\t',
    '%',
    '---',
    '...',
    '<<: ',
    '__proto__: 1',
    '{ a: ',
    '[ {',
    '} ]',
    '/a/b',
    '\u00a0',
    'é',
    '_',
    '/',
    '.',
    '+1',
    '0x1',
  ],
);

describe('plain YAML', () => {
  const same: [string, unknown][] = [
    [
      '- protocol: tcp\n  port: 80\n  dests:\n    - { address: 10.0.0.1, port: 80 }',
      [{ protocol: 'tcp', port: 80, dests: [{ address: '10.0.0.1', port: 80 }] }],
    ],
    ['a:\n- 1\n- b\nc: [x, 2]', { a: [1, 'b'], c: ['x', 2] }],
    ['# c\na: fd00::1 # here\n\nb: {}', { a: 'fd00::1', b: {} }],
    ['  - a: 1\r\n    b: -2\r\n', [{ a: 1, b: -2 }]],
    [
      'health: { checks: [{ type: http, path: /healthz, headers: { a: b } }, { type: tcp }], quorum: 1 }',
      {
        health: {
          checks: [{ type: 'http', path: '/healthz', headers: { a: 'b' } }, { type: 'tcp' }],
          quorum: 1,
        },
      },
    ],
    ['a:\nb:\n  c: d', { a: null, b: { c: 'd' } }],
  ];
  for (const [text, data] of same) {
    test(JSON.stringify(text), () => {
      assert.deepEqual(parsePlainYaml(text), data);
      assert.deepEqual(parse(text), data);
    });
  }

  const others = [
    'a: "b"',
    'a: &x 1',
    'a: 1.5',
    'a: 0x10',
    'a: null',
    'a: b c',
    'a: |\n  b',
    'a: 1\na: 2',
    'a: b\n  c',
    '"a": 1',
    'a: {b: [c}]',
    'a: [[[[[[[[[[b]]]]]]]]]]',
    'a: 1\n b: 2',
    'a: true',
    'a: 1,2',
  ];
  for (const text of others) {
    test(`not plain: ${JSON.stringify(text)}`, () => assert.equal(parsePlainYaml(text), NOT_PLAIN));
  }

  test('is read as all of YAML reads it, or not at all', () => {
    let plain = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        const data = parsePlainYaml(text);
        if (data === NOT_PLAIN) return;
        plain++;
        assert.deepEqual({ data }, whole(text), JSON.stringify(text));
      }),
      { numRuns: 20_000 },
    );
    assert.ok(plain > 500, `only ${plain} of them were plain`);
  });
});
