/** Checks by HTTP and HTTPS. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { type Checker, type Expectation, isExpected, MOST_ANSWER, wanted } from '../checker.js';

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
}

/** As {@link HttpSpec}, encrypted. */
export interface HttpsSpec extends HttpSpec {
  /** Server name (SNI), which the certificate is held against when it is verified. */
  readonly serverName?: string;
  readonly verify: boolean;
}

/** The answer has a good status, the headers and the body that are expected. */
export const checkHttp: Checker<HttpSpec> = ({ address, port }, spec, signal) => {
  const { method, path, headers } = spec;
  return judge(request({ host: address, port, method, path, headers, signal, agent: false }), spec);
};

/** As {@link checkHttp}, by TLS. */
export const checkHttps: Checker<HttpsSpec> = ({ address, port }, spec, signal) => {
  const { method, path, headers, verify, serverName } = spec;
  const tls = {
    rejectUnauthorized: verify,
    ...(serverName !== undefined && { servername: serverName }),
  };
  return judge(
    requestTls({ host: address, port, method, path, headers, signal, agent: false, ...tls }),
    spec,
  );
};

async function judge(out: ClientRequest, spec: HttpSpec): Promise<undefined> {
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
    if (spec.contains === undefined && spec.matches === undefined) return;
    if (!isExpected(await bodyOf(answer), spec)) throw new Error(`the body has no ${wanted(spec)}`);
  } finally {
    out.on('error', () => {});
    out.destroy();
  }
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  answer.setEncoding('utf8');
  for await (const piece of answer) {
    text += piece as string;
    if (text.length > MOST_ANSWER) break;
  }
  return text;
}

/** @param range `200` or `200-399`. */
function inRange(status: number, range: string): boolean {
  const [least, most = least] = range.split('-').map(Number);
  return status >= least! && status <= most!;
}
