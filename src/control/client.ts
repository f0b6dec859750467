/** The client of the daemon's API: a director like the engine itself. */
import type { IncomingMessage } from 'node:http';
import { IpvsError } from '../errors.js';
import type {
  Args,
  BatchResult,
  CommandError,
  CommandName,
  ConfigText,
  Director,
  Result,
} from './command.js';
import { fromCommandError } from './command-error.js';
import { type Endpoint, isUrl, openEndpoint } from './endpoint.js';

/** Where the daemon listens when nothing is said. */
export const DEFAULT_SOCKET = '/run/ipvsd/ipvsd.sock';

/** Where the daemon is: `socket`, else `$IPVSD_SOCKET`, else {@link DEFAULT_SOCKET}. The path of a unix socket, or a URL. */
function daemonAddress(socket?: string): string {
  return socket ?? (process.env.IPVSD_SOCKET || DEFAULT_SOCKET);
}

/** The unix socket to use, for what works on the daemon's own machine only. @throws BAD_REQUEST when a URL is given */
export function socketPath(socket?: string): string {
  const path = daemonAddress(socket);
  if (isUrl(path)) throw new IpvsError('BAD_REQUEST', `${path} is not the path of a unix socket`, 'socket');
  return path;
}

/** The network namespace that commands are about: `netns`, else `$IPVSD_NETNS`, else the daemon's default. */
export function chosenNetns(netns?: string): string | undefined {
  return netns ?? (process.env.IPVSD_NETNS || undefined);
}

/** Which daemon, and which of its network namespaces. */
export interface ClientOptions {
  /** Path of the daemon's unix socket, or a URL such as `https://director:9118`; else `$IPVSD_SOCKET`, else {@link DEFAULT_SOCKET}. */
  readonly socket?: string;
  /** What is shown to a daemon behind a URL; else `$IPVSD_TOKEN`. */
  readonly token?: string;
  /** See {@link chosenNetns}. */
  readonly netns?: string;
}

/** A connection to a daemon. */
export interface ClientDirector extends Required<Director> {
  /**
   * The answer to a GET request, piece by piece as it comes.
   * @param path with its query. Ends by itself, or when `stop` is aborted. Rejects as commands do.
   */
  get(path: string, stop?: AbortSignal): AsyncIterable<Buffer>;
  /** Ends the connection; needed only by programs that go on. */
  close(): void;
}

/**
 * A director that asks the daemon. Connects with the first command. Commands reject with the daemon's errors, with NO_DAEMON when
 * nobody answers, with NOT_PERMITTED when the socket may not be used, and with UNAUTHORIZED when a token was expected.
 * @throws BAD_REQUEST when the daemon's address is none
 */
export function connectDirector(options: ClientOptions = {}): ClientDirector {
  const endpoint = openEndpoint(
    daemonAddress(options.socket),
    options.token ?? (process.env.IPVSD_TOKEN || undefined),
  );
  const netns = chosenNetns(options.netns);
  const query = netns === undefined ? '' : `?netns=${encodeURIComponent(netns)}`;
  const post = (path: string, body: unknown) =>
    exchange(endpoint, `${path}${query}`, JSON.stringify(body), 'application/json');
  /** Configurations go as they are: they may be large, and JSON in JSON takes its time. They are about all namespaces. */
  const postText = (path: string, { text, file }: ConfigText) => {
    const named = file === undefined ? path : `${path}?file=${encodeURIComponent(file)}`;
    return exchange(endpoint, named, text, 'application/yaml');
  };
  return {
    async execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
      const { status, body } =
        name === 'config.plan' || name === 'config.apply'
          ? await postText(`/v1/${name.replace('.', '/')}`, args as ConfigText)
          : await post(`/v1/commands/${encodeURIComponent(name)}`, args);
      if (status !== 200) throw fromCommandError(body as CommandError);
      return body as Result<N>;
    },
    async batch(commands) {
      const { status, body } = await post('/v1/commands', commands);
      if (status === 200) return body as BatchResult;
      const failure = body as CommandError & { results?: unknown[] };
      if (failure.results === undefined) throw fromCommandError(failure);
      return { results: failure.results, error: fromCommandError(failure) };
    },
    get: (path, stop) => fetchPieces(endpoint, path, stop),
    close: () => endpoint.close(),
  };
}

async function* fetchPieces(
  endpoint: Endpoint,
  path: string,
  stop: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const signal = stop === undefined ? {} : { signal: stop };
      endpoint
        .request({ path, method: 'GET', ...signal }, resolve)
        .on('error', reject)
        .end();
    });
    if (answer.statusCode !== 200) {
      const { body } = await readAnswer(answer, endpoint);
      throw fromCommandError(body as CommandError);
    }
    for await (const piece of answer) yield piece as Buffer;
  } catch (error) {
    if (stop?.aborted === true) return;
    throw error instanceof IpvsError ? error : unreachable(error as NodeJS.ErrnoException, endpoint);
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function exchange(endpoint: Endpoint, path: string, body: string, type: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    const out = endpoint.request({ path, method: 'POST', headers }, (answer) => {
      readAnswer(answer, endpoint).then(resolve, reject);
    });
    out.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, endpoint)));
    out.end(body);
  });
}

async function readAnswer(answer: IncomingMessage, endpoint: Endpoint): Promise<Answer> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) };
  } catch (error) {
    throw unreachable(error as NodeJS.ErrnoException, endpoint);
  }
}

/** What a failed exchange means to the caller. */
function unreachable(error: NodeJS.ErrnoException, { name }: Endpoint): IpvsError {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new IpvsError('NOT_PERMITTED', `no permission to use ${name} (are you root?)`);
  }
  const down = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
  const why = down ? 'is it running? "ipvsd run" starts it' : error.message;
  return new IpvsError('NO_DAEMON', `the ipvsd daemon does not answer at ${name} (${why})`);
}
