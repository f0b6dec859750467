import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { authorize } from './authorize.js';

const tokens = { full: 'f'.repeat(32), read: 'r'.repeat(32) };

/** What becomes of a request: nothing, or the code of its refusal. */
function outcome(
  method: string,
  url: string,
  authorization?: string,
  known: typeof tokens | { full: string } = tokens,
) {
  try {
    authorize({ method, url, headers: { authorization } }, known);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a request over TCP', () => {
  test('with the token is answered', () => {
    assert.equal(outcome('DELETE', '/v1/services', `Bearer ${tokens.full}`), undefined);
    assert.equal(outcome('GET', '/metrics', `bearer  ${tokens.full}`), undefined);
  });

  test('without one, or with another, is refused', () => {
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${tokens.full}`,
      tokens.full,
      `Bearer ${tokens.full}x`,
      `Bearer ${tokens.full} x`,
    ];
    for (const each of wrong) assert.equal(outcome('GET', '/v1/info', each), 'UNAUTHORIZED', each);
  });

  test('with the token for reading may only read', () => {
    assert.equal(outcome('GET', '/v1/services?netns=blue', `Bearer ${tokens.read}`), undefined);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.equal(outcome(method, '/v1/services', `Bearer ${tokens.read}`), 'NOT_PERMITTED');
    }
    assert.equal(outcome('GET', '/v1/info', `Bearer ${tokens.read}`, { full: tokens.full }), 'UNAUTHORIZED');
  });

  test('anyone may ask whether the daemon lives and is ready, and nothing else', () => {
    for (const url of ['/healthz', '/readyz', '/readyz?x=1']) assert.equal(outcome('GET', url), undefined);
    for (const url of ['/healthz/', '/healthz/../v1/info', '/v1/info?/healthz', '//healthz']) {
      assert.equal(outcome('GET', url), 'UNAUTHORIZED', url);
    }
    assert.equal(outcome('POST', '/healthz'), 'UNAUTHORIZED');
  });
});
