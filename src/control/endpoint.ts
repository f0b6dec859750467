/** Where a daemon is asked: at its unix socket, or over TCP. */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { IpvsError } from '../errors.js';

/** Requests at the same time at most; others wait. */
const MAX_SOCKETS = 8;

/** A place where requests can be sent to. */
export interface Endpoint {
  /** As messages name it. */
  readonly name: string;
  /** Begins a request, whose body is still to be written. */
  request(options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest;
  /** Ends the connections. */
  close(): void;
}

/** True for what is a URL and not the path of a socket. */
export function isUrl(where: string): boolean {
  return /^https?:\/\//.test(where);
}

/**
 * The endpoint that is meant by the path of a unix socket, or by `https://HOST:PORT` or `http://HOST:PORT`.
 * @param token shown over TCP (RFC 6750).
 * @throws BAD_REQUEST when it is no URL that can be used
 */
export function openEndpoint(where: string, token: string | undefined): Endpoint {
  if (!isUrl(where)) {
    const agent = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
    return {
      name: where,
      request: (options, onAnswer) => httpRequest({ ...options, agent, socketPath: where }, onAnswer),
      close: () => agent.destroy(),
    };
  }
  const url = URL.canParse(where) ? new URL(where) : undefined;
  if (url === undefined || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new IpvsError(
      'BAD_REQUEST',
      `"${where}" is not a daemon's address such as https://director:9118`,
      'socket',
    );
  }
  const secure = url.protocol === 'https:';
  // TLS takes its time to load, and few need it
  const { Agent, request } = secure
    ? process.getBuiltinModule('node:https')
    : { Agent: HttpAgent, request: httpRequest };
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const shown = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    name: url.origin,
    request: (options, onAnswer) =>
      request({ ...options, agent, host, port, headers: { ...options.headers, ...shown } }, onAnswer),
    close: () => agent.destroy(),
  };
}
