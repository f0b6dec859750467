/** Checks by HTTP and HTTPS. */
import { createHash } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Checker, type Expectation, isExpected, MOST_ANSWER, type Target, wanted } from '../checker.js';
import { closeConnection, openConnection } from '../connection.js';
import { openSecure, type TlsTerms } from '../secure.js';

/** A request, and what is expected of its answer. */
export interface HttpSpec extends Expectation {
  readonly method: string;
  readonly path: string;
  /** Of the request, by name. `host` is the address when it is not among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Status codes that are good: numbers and ranges, `200-399`. */
  readonly status: readonly string[];
  /** Headers that the answer must have, each with a text in it. */
  readonly expectHeaders: Readonly<Record<string, string>>;
  /** MD5 of the whole body, hexadecimal. */
  readonly md5?: string;
}

/** As {@link HttpSpec}, encrypted. */
export interface HttpsSpec extends HttpSpec, TlsTerms {}

/** The answer has a good status, the headers and the body that are expected. */
export const checkHttp: Checker<HttpSpec> = (target, spec, signal) => {
  const socket = openConnection(target, signal);
  return ask(target, spec, socket, socket);
};

/** As {@link checkHttp}, by TLS. */
export const checkHttps: Checker<HttpsSpec> = async (target, spec, signal) => {
  const { host = '' } = spec.headers;
  // who is asked for by a name is to show that it is the one
  const name = host.replace(/:\d+$/, '');
  const terms = isName(name) ? { serverName: name, ...spec } : spec;
  const { below, secure } = await openSecure(target, terms, signal);
  return ask(target, spec, below, secure);
};

function isName(host: string): boolean {
  return host !== '' && isIP(host.replace(/^\[|\]$/g, '')) === 0;
}

/** @param socket what the request goes by. @param below what is to be closed */
async function ask(target: Target, spec: HttpSpec, below: Socket, socket: Duplex): Promise<undefined> {
  const { method, path, headers } = spec;
  const { address: host, port } = target;
  try {
    await judge(request({ host, port, method, path, headers, createConnection: () => socket }), spec);
  } finally {
    closeConnection(below, target);
  }
}

async function judge(out: ClientRequest, spec: HttpSpec): Promise<void> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      out.once('response', resolve);
      out.once('error', reject);
      out.end();
    });
    const status = answer.statusCode!;
    if (!spec.status.some((range) => inRange(status, range))) throw new Error(`status ${status}`);
    for (const [name, text] of Object.entries(spec.expectHeaders)) {
      const value = answer.headers[name.toLowerCase()];
      if (value === undefined || !String(value).includes(text)) {
        throw new Error(`header ${name} is ${value === undefined ? 'missing' : JSON.stringify(value)}`);
      }
    }
    const { contains, matches, md5 } = spec;
    if (contains === undefined && matches === undefined && md5 === undefined) return;
    const body = await bodyOf(answer);
    if (!isExpected(body.toString(), spec)) throw new Error(`the body has no ${wanted(spec)}`);
    if (md5 !== undefined) compareDigest(body, md5);
  } finally {
    // whatever comes of the rest is nobody's concern any more
    out.on('error', () => {});
  }
}

/** The body, or its beginning where it has more than {@link MOST_ANSWER} bytes. */
async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece);
    length += piece.length;
    if (length > MOST_ANSWER) break;
  }
  return Buffer.concat(pieces);
}

function compareDigest(body: Buffer, md5: string): void {
  if (body.length > MOST_ANSWER) throw new Error(`the body has more than ${MOST_ANSWER} bytes`);
  const found = createHash('md5').update(body).digest('hex');
  if (found !== md5.toLowerCase()) throw new Error(`the MD5 of the body is ${found}`);
}

/** @param range `200` or `200-399`. */
function inRange(status: number, range: string): boolean {
  const [least, most = least] = range.split('-').map(Number);
  return status >= least! && status <= most!;
}
