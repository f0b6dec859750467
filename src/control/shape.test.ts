import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IpvsError } from '../errors.js';
import { either, integer, list, object, oneOf, optional, type Shape, text, withDefault } from './shape.js';

const server = object({ port: integer('a port', 0, 65535), name: optional(text('a name', 1, 8)) });

/** Message of the error that reading ends in. */
function refusal(shape: Shape<unknown>, value: unknown, field = 'x'): string {
  try {
    shape.read(value, field);
  } catch (error) {
    assert.ok(error instanceof IpvsError && error.code === 'BAD_REQUEST' && error.field !== undefined);
    return error.message;
  }
  assert.fail('nothing was refused');
}

describe('a shape says which field is wrong, what it holds and what was expected', () => {
  const cases: [string, Shape<unknown>, unknown, string][] = [
    ['a number out of range', server, { port: 70000 }, 'x.port: 70000 is not a port (0..65535)'],
    ['a fraction', server, { port: 1.5 }, 'x.port: 1.5 is not a port (0..65535)'],
    ['a number as text', server, { port: '80' }, 'x.port: "80" is not a port (0..65535)'],
    ['nothing', server, {}, 'x.port: missing: expected a port (0..65535)'],
    ['null', server, { port: null }, 'x.port: null is not a port (0..65535)'],
    [
      'a text that is too long',
      server,
      { port: 1, name: '123456789' },
      'x.name: "123456789" is not a name (1..8 characters)',
    ],
    [
      'a control character',
      server,
      { port: 1, name: 'a\nb' },
      'x.name: "a\\nb" is not a name (1..8 characters)',
    ],
    ['an unknown field', server, { port: 1, prot: 2 }, 'x.prot: unknown field (expected port, name)'],
    [
      '__proto__',
      server,
      JSON.parse('{"port":1,"__proto__":{}}'),
      'x.__proto__: unknown field (expected port, name)',
    ],
    [
      'a field of every object',
      server,
      { port: 1, constructor: 1 },
      'x.constructor: unknown field (expected port, name)',
    ],
    ['no object', server, [1], 'x: [1] is not an object'],
    [
      'an entry of a list',
      list(server),
      [{ port: 1 }, { port: -1 }],
      'x[1].port: -1 is not a port (0..65535)',
    ],
    ['a list that is too long', list(server, 1), [{}, {}], 'x: 2 entries are too many (at most 1)'],
    ['another word', oneOf('a colour', ['red', 'blue']), 'green', 'x: "green" is not a colour (red, blue)'],
    [
      'a long value, cut',
      oneOf('a colour', ['red']),
      'g'.repeat(99),
      `x: "${'g'.repeat(56)}... is not a colour (red)`,
    ],
  ];
  for (const [what, shape, value, message] of cases) {
    test(what, () => assert.equal(refusal(shape, value), message));
  }
});

test('a field that is left out is absent, or has its default', () => {
  const shape = object({
    a: optional(integer('a number', 0, 9)),
    b: withDefault(integer('a number', 0, 9), 7),
  });
  assert.deepEqual(shape.read({}, ''), { b: 7 });
  assert.deepEqual(shape.read({ a: undefined, b: 1 }, ''), { b: 1 });
});

test('one field decides which of two objects is meant', () => {
  const shape = either('mark', object({ mark: integer('a mark', 1, 9) }), server);
  assert.deepEqual(shape.read({ mark: 3 }, ''), { mark: 3 });
  assert.equal(refusal(shape, { mark: 3, port: 80 }), 'x.port: unknown field (expected mark)');
});

test('the schema says what the check does', () => {
  assert.deepEqual(server.schema, {
    type: 'object',
    properties: {
      port: { type: 'integer', minimum: 0, maximum: 65535 },
      name: { type: 'string', minLength: 1, maxLength: 8 },
    },
    required: ['port'],
    additionalProperties: false,
  });
});

test('whatever comes, it is read or refused', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        server.read(value, '');
      } catch (error) {
        assert.ok(error instanceof IpvsError, String(error));
      }
    }),
  );
});
