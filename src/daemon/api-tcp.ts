/** The API over TCP, for other machines: with TLS, or on a loopback address; always with a token. */
import { readFileSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { FastifyInstance, FastifyServerFactory } from 'fastify';
import { type ApiOptions, createApi } from '../control/http/api.js';
import { authorize, type Tokens } from '../control/http/authorize.js';
import { IpvsError } from '../errors.js';
import { AF_INET, inetBytes, parseInet } from '../wire/inet.js';
import type { DaemonSettings } from './config/config.js';

/** Fewest characters of a token: what is shorter could be guessed. */
const TOKEN_MIN = 32;
/** Connections at the same time at most. */
const CONNECTIONS_MAX = 256;
/** Bits that let a file be read by others than its owner and group. */
const OTHERS = 0o007;

/** Where to listen. */
interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** An API that listens on TCP. */
export interface TcpApi {
  readonly address: TcpAddress;
  /** Reads tokens and certificates again. @throws BAD_CONFIG, and those of before stay in force */
  reload(): void;
  close(): Promise<void>;
}

/**
 * Listens where the settings say.
 * @returns nothing when they do not say `listen`.
 * @throws BAD_CONFIG naming the setting, ALREADY_SERVED, NOT_PERMITTED, SYSTEM
 */
export async function listenOnTcp(
  settings: DaemonSettings,
  options: Omit<ApiOptions, 'authorize' | 'serverFactory'>,
): Promise<TcpApi | undefined> {
  const address = checkTcp(settings);
  if (address === undefined) return undefined;
  let tokens = readTokens(settings);
  let secure: HttpsServer | undefined;
  const factory: FastifyServerFactory = (handler) => {
    if (settings.tlsCert === undefined) return createHttpServer(handler);
    secure = createHttpsServer(readTls(settings), handler);
    return secure;
  };
  const api = await createApi({
    ...options,
    authorize: (request) => authorize(request, tokens),
    serverFactory: factory,
  });
  api.server.maxConnections = CONNECTIONS_MAX;
  const bound = await bind(api, address);
  return {
    address: bound,
    reload: () => {
      const read = readTokens(settings);
      if (secure !== undefined) secure.setSecureContext(readTls(settings));
      tokens = read;
    },
    close: () => api.close(),
  };
}

/**
 * Makes sure that settings of the TCP API fit together.
 * @returns where to listen, if anywhere. @throws BAD_CONFIG
 */
export function checkTcp(settings: DaemonSettings): TcpAddress | undefined {
  const { listen, tokenFile, tlsCert, tlsKey, tlsClientCa } = settings;
  if (listen === undefined) {
    for (const name of ['tokenFile', 'readTokenFile', 'tlsCert', 'tlsKey', 'tlsClientCa'] as const) {
      if (settings[name] !== undefined) throw wrong(name, 'means something only with "listen"');
    }
    return undefined;
  }
  const address = parseListen(listen);
  if (address === undefined)
    throw wrong('listen', `"${listen}" is not an address and a port such as 127.0.0.1:9118 or [::1]:9118`);
  if (tokenFile === undefined)
    throw wrong('tokenFile', 'must name a file with a token where "listen" is given');
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw wrong(
      tlsCert === undefined ? 'tlsCert' : 'tlsKey',
      'must be given too: a certificate and its key belong together',
    );
  }
  if (tlsClientCa !== undefined && tlsCert === undefined)
    throw wrong('tlsClientCa', 'means something only with "tlsCert"');
  if (tlsCert === undefined && !isLoopback(address.host)) {
    throw wrong('listen', `${address.host} is no loopback address: "tlsCert" and "tlsKey" must be given`);
  }
  return address;
}

function parseListen(text: string): TcpAddress | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  const good = host !== undefined && parseInet(host) !== undefined && port <= 65_535;
  return good ? { host, port } : undefined;
}

function isLoopback(host: string): boolean {
  const addr = parseInet(host)!;
  const bytes = inetBytes(addr);
  return addr.family === AF_INET ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

function readTokens({ tokenFile, readTokenFile }: DaemonSettings): Tokens {
  const read = readTokenFile === undefined ? undefined : readToken('readTokenFile', readTokenFile);
  return { full: readToken('tokenFile', tokenFile!), read };
}

function readToken(name: 'tokenFile' | 'readTokenFile', path: string): string {
  const token = readSecret(name, path).trim();
  if (token.length < TOKEN_MIN || /[^\x21-\x7e]/.test(token)) {
    throw wrong(name, `${path} has no token (${TOKEN_MIN} or more characters without spaces)`);
  }
  return token;
}

function readTls({ tlsCert, tlsKey, tlsClientCa }: DaemonSettings) {
  const context = {
    cert: readFile('tlsCert', tlsCert!),
    key: readSecret('tlsKey', tlsKey!),
    ...(tlsClientCa !== undefined && { ca: readFile('tlsClientCa', tlsClientCa) }),
    minVersion: 'TLSv1.2' as const,
  };
  try {
    createSecureContext(context);
  } catch (error) {
    throw wrong('tlsCert', `no certificate and key that fit: ${(error as Error).message}`);
  }
  return { ...context, ...(tlsClientCa !== undefined && { requestCert: true, rejectUnauthorized: true }) };
}

/** A file that others must not be able to read. */
function readSecret(name: keyof DaemonSettings, path: string): string {
  const text = readFile(name, path);
  if ((statSync(path).mode & OTHERS) !== 0)
    throw wrong(name, `${path} can be read by everyone (chmod 600 helps)`);
  return text;
}

function readFile(name: keyof DaemonSettings, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(name, `${path} cannot be read: ${(error as Error).message}`);
  }
}

async function bind(api: FastifyInstance, { host, port }: TcpAddress): Promise<TcpAddress> {
  try {
    await api.listen({ host, port });
  } catch (error) {
    await api.close();
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new IpvsError('ALREADY_SERVED', `something listens on ${host} port ${port}`, 'listen');
    if (code === 'EACCES') throw new IpvsError('NOT_PERMITTED', message, 'listen');
    throw new IpvsError('SYSTEM', message, 'listen');
  }
  // port 0 is any that is free
  const bound = api.server.address();
  return { host, port: bound !== null && typeof bound === 'object' ? bound.port : port };
}

function wrong(name: keyof DaemonSettings, detail: string): IpvsError {
  return new IpvsError('BAD_CONFIG', detail, name);
}
