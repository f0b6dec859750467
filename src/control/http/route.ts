/** What a resource of the HTTP API is made of, and the pieces that routes take from requests. */
import { IpvsError } from '../../errors.js';
import type { CommandName } from '../command.js';
import { type JsonSchema, show } from '../shape.js';

/** What a route sees of a request. */
export interface RouteInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An operation on a resource: one way to say a command. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with `:name` parameters. */
  readonly url: string;
  readonly command: CommandName;
  /** The command's argument, unchecked. */
  args(input: RouteInput): unknown;
  /** For documents; the command's own when left out. */
  readonly summary?: string;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
  /** Field of the argument that the body is: errors then name fields as the body does. */
  readonly bodyField?: 'service' | 'dest' | 'health' | 'daemon' | 'vip' | 'packet';
  /** Path of the resource that was made; the answer is then 201. */
  location?(input: RouteInput): string;
  /** The result is a text as it is, not JSON. */
  readonly plain?: true;
  /** The body is a text as it is, not JSON. */
  readonly textBody?: true;
}

/** The JSON object that a request carries. */
export function bodyOf({ body }: RouteInput): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  const found = body === undefined ? 'missing: expected a JSON object' : `${show(body)} is not a JSON object`;
  throw new IpvsError('BAD_REQUEST', found, 'body');
}

/** The body completed by what the path says. The body may repeat it, but not contradict it. */
export function bodyWith(input: RouteInput, identity: object): Record<string, unknown> {
  const body = bodyOf(input);
  for (const [key, value] of Object.entries(identity)) {
    if (body[key] !== undefined && body[key] !== value) {
      throw new IpvsError('BAD_REQUEST', `${show(body[key])} differs from ${show(value)} in the path`, key);
    }
  }
  return { ...body, ...identity };
}

/** Query parameters, numbers being made of what looks like one. */
export function queryOf({ query }: RouteInput): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [key, /^\d{1,15}$/.test(value) ? Number(value) : value]),
  );
}
