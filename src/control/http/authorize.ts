/** Who may ask over TCP: whoever knows a token (RFC 6750, bearer tokens). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { IpvsError } from '../../errors.js';

/** The tokens that are accepted. */
export interface Tokens {
  /** Allows everything. */
  readonly full: string;
  /** Allows GET requests: listings, metrics, events. */
  readonly read?: string | undefined;
}

/** What of a request decides. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: { readonly authorization?: string | undefined };
}

/** What anyone may ask: a load balancer's or a supervisor's own checks have no token. */
const OPEN = new Set(['/healthz', '/readyz']);

/**
 * Makes sure that a request may be answered.
 * @throws UNAUTHORIZED without a token that is known, NOT_PERMITTED when the token is one for reading only.
 */
export function authorize({ method, url, headers }: Asked, tokens: Tokens): void {
  if (method === 'GET' && OPEN.has(url.replace(/\?.*/s, ''))) return;
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (token === undefined) {
    throw new IpvsError('UNAUTHORIZED', 'no token ("Authorization: Bearer TOKEN" was expected)');
  }
  if (isSame(token, tokens.full)) return;
  if (tokens.read === undefined || !isSame(token, tokens.read)) {
    throw new IpvsError('UNAUTHORIZED', 'the token is not known');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    throw new IpvsError('NOT_PERMITTED', 'this token is for reading (GET) only');
  }
}

/** Compares in a time that says nothing of where the difference is, nor of the length. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
