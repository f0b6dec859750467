import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cutServices } from './service-blocks.js';

const blocks = (text: string) => cutServices(text)?.blocks.map((block) => block.text);

describe('services are cut out of a text', () => {
  test('one block each, with the comments below it; the rest is what is around them', () => {
    const text =
      'device: x\nservices: # all\n  # first\n  - port: 1\n    # inside\n    dests: []\n\n  - port: 2\ntable: 5\n';
    const cut = cutServices(text)!;
    assert.deepEqual(
      cut.blocks.map((block) => block.text),
      ['  - port: 1\n    # inside\n    dests: []\n\n', '  - port: 2\n'],
    );
    assert.equal(cut.rest, 'device: x\ntable: 5\n');
    assert.deepEqual([cut.cutLine, cut.cutLines], [1, 7]);
    assert.equal(text.slice(cut.blocks[1]!.start).startsWith('  - port: 2'), true);
  });

  test('also in their key’s own column, and without a newline at the end', () => {
    assert.deepEqual(blocks('services:\n- port: 1\n  x: y\n- port: 2'), ['- port: 1\n  x: y\n', '- port: 2']);
  });

  const whole: [string, string][] = [
    ['no services', 'device: x\n'],
    ['services twice', 'services:\n- a: 1\nservices:\n- a: 2\n'],
    ['on the key’s line', 'services: [{ a: 1 }]\n'],
    ['a map', 'services:\n  a: 1\n'],
    ['none', 'services:\n'],
    ['an anchor', 'services:\n- a: &x 1\n- a: 2\n'],
    ['an alias', 'x: &x 1\nservices:\n- a: *x\n'],
    ['a tag', 'services:\n- !!map { a: 1 }\n'],
    ['other keys are indented', ' device: x\nservices:\n- a: 1\n'],
    ['other keys are in braces', '{ device: x }\nservices:\n- a: 1\n'],
    ['less indented in between', 'services:\n    - a: 1\n  - a: 2\n'],
  ];
  for (const [what, text] of whole) {
    test(`a text is left whole: ${what}`, () => assert.equal(cutServices(text), undefined));
  }
});
