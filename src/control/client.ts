/** The client of the daemon's API on its unix socket: a director like the engine itself. */
import { Agent, type IncomingMessage, request } from 'node:http';
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

/** Where the daemon listens when nothing is said. */
export const DEFAULT_SOCKET = '/run/ipvsd/ipvsd.sock';

/** The socket to use: `socket`, else `$IPVSD_SOCKET`, else {@link DEFAULT_SOCKET}. */
export function socketPath(socket?: string): string {
  return socket ?? (process.env.IPVSD_SOCKET || DEFAULT_SOCKET);
}

/** The network namespace that commands are about: `netns`, else `$IPVSD_NETNS`, else the daemon's default. */
export function chosenNetns(netns?: string): string | undefined {
  return netns ?? (process.env.IPVSD_NETNS || undefined);
}

/** Which daemon, and which of its network namespaces. */
export interface ClientOptions {
  /** See {@link socketPath}. */
  readonly socket?: string;
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
 * nobody answers, and with NOT_PERMITTED when the socket may not be used.
 */
export function connectDirector(options: ClientOptions = {}): ClientDirector {
  const socket = socketPath(options.socket);
  const netns = chosenNetns(options.netns);
  const query = netns === undefined ? '' : `?netns=${encodeURIComponent(netns)}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const post = (path: string, body: unknown) =>
    exchange(agent, socket, `${path}${query}`, JSON.stringify(body), 'application/json');
  /** Configurations go as they are: they may be large, and JSON in JSON takes its time. They are about all namespaces. */
  const postText = (path: string, { text, file }: ConfigText) => {
    const named = file === undefined ? path : `${path}?file=${encodeURIComponent(file)}`;
    return exchange(agent, socket, named, text, 'application/yaml');
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
    get: (path, stop) => fetchPieces(agent, socket, path, stop),
    close: () => agent.destroy(),
  };
}

async function* fetchPieces(
  agent: Agent,
  socketPath: string,
  path: string,
  stop: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const signal = stop === undefined ? {} : { signal: stop };
      request({ agent, socketPath, path, method: 'GET', ...signal }, resolve)
        .on('error', reject)
        .end();
    });
    if (answer.statusCode !== 200) {
      const { body } = await readAnswer(answer, socketPath);
      throw fromCommandError(body as CommandError);
    }
    for await (const piece of answer) yield piece as Buffer;
  } catch (error) {
    if (stop?.aborted === true) return;
    throw error instanceof IpvsError ? error : unreachable(error as NodeJS.ErrnoException, socketPath);
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function exchange(
  agent: Agent,
  socketPath: string,
  path: string,
  body: string,
  type: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    const out = request({ agent, socketPath, path, method: 'POST', headers }, (answer) => {
      readAnswer(answer, socketPath).then(resolve, reject);
    });
    out.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, socketPath)));
    out.end(body);
  });
}

async function readAnswer(answer: IncomingMessage, socketPath: string): Promise<Answer> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) };
  } catch (error) {
    throw unreachable(error as NodeJS.ErrnoException, socketPath);
  }
}

/** What a failed exchange means to the caller. */
function unreachable(error: NodeJS.ErrnoException, socket: string): IpvsError {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new IpvsError('NOT_PERMITTED', `no permission to use ${socket} (are you root?)`);
  }
  const down = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
  const why = down ? 'is it running? "ipvsd run" starts it' : error.message;
  return new IpvsError('NO_DAEMON', `the ipvsd daemon does not answer at ${socket} (${why})`);
}
