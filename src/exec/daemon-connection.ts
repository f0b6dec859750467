/**
 * The daemon's API for a thread that waits in poll(2) and not in Node's event loop: requests are written at once, answers are read when the descriptor
 * is readable. HTTP/1.1 with one connection, whose answers come in the order of the requests.
 */
import type { Args, CommandError, CommandName, Director, Result } from '../control/command.js';
import { fromCommandError } from '../control/command-error.js';
import { IpvsError } from '../errors.js';
import { ECONNREFUSED, ENOENT, errnoName, SystemError } from '../linux/errno.js';
import { ReadPoll } from '../linux/poll.js';
import { UnixStream } from '../linux/unix-stream.js';

/** A daemon ends connections that nobody has used for 72 s; we leave them before, ms. */
const IDLE = 30_000;

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The answer that is being read. */
interface Answer {
  readonly ok: boolean;
  readonly length: number;
}

/** A director that asks the daemon. Connects with the first command. */
export class DaemonConnection implements Director {
  readonly #path: string;
  readonly #query: string;
  readonly #pending: Pending[] = [];
  #stream: UnixStream | undefined;
  #used = 0;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #answer: Answer | undefined;

  /** @param path of the daemon's socket. @param netns that commands are about; the daemon's default when left out. */
  constructor(path: string, netns: string | undefined) {
    this.#path = path;
    this.#query = netns === undefined ? '' : `?netns=${encodeURIComponent(netns)}`;
  }

  /** The descriptor to wait for; undefined while there is no connection. */
  get fd(): number | undefined {
    return this.#stream?.fd;
  }

  /** Rejects with the daemon's errors, and with NO_DAEMON, whose `cause` is the SystemError of the socket, when nobody answers. */
  execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    return new Promise((resolve, reject) => {
      try {
        this.#send(name, JSON.stringify(args));
        this.#pending.push({ resolve: resolve as (result: unknown) => void, reject });
      } catch (error) {
        reject(this.#missed(error));
      }
    });
  }

  /** Asks the daemon for something and waits, which is for when nothing else is going on. Rejects as {@link execute} does. */
  async ask(): Promise<void> {
    const answered = this.execute('info', {});
    while (this.#pending.length > 0) {
      new ReadPoll([this.#stream!.fd]).wait(-1);
      this.read();
    }
    await answered;
  }

  /** Reads what has come. To be called when the descriptor is readable. */
  read(): void {
    try {
      const chunk = this.#stream!.read();
      if (chunk === undefined) return;
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      while (this.#take());
    } catch (error) {
      this.#end(error);
    }
  }

  #send(name: string, body: string): void {
    const now = performance.now();
    if (this.#pending.length === 0 && now - this.#used > IDLE) this.#end(undefined);
    this.#used = now;
    this.#stream ??= new UnixStream(this.#path);
    const head = `POST /v1/commands/${name}${this.#query} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
    this.#stream.write(Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`));
  }

  /** Takes one answer out of what was read. @returns false when it is not whole yet */
  #take(): boolean {
    if (this.#answer === undefined) {
      const text = this.#together();
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return false;
      this.#answer = readHead(text.toString('latin1', 0, end));
      this.#keep(text.subarray(end + 4));
    }
    const { ok, length } = this.#answer;
    if (this.#held < length) return false;
    const text = this.#together();
    const body: unknown = JSON.parse(text.toString('utf8', 0, length));
    this.#keep(text.subarray(length));
    this.#answer = undefined;
    const { resolve, reject } = this.#pending.shift()!;
    if (ok) resolve(body);
    else reject(fromCommandError(body as CommandError));
    return this.#held > 0;
  }

  #together(): Buffer {
    const text = Buffer.concat(this.#chunks);
    this.#chunks = [text];
    return text;
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
  }

  /** Ends the connection, and what waits for an answer. */
  #end(error: unknown): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#keep(new Uint8Array(0));
    this.#answer = undefined;
    for (const { reject } of this.#pending.splice(0)) reject(this.#missed(error));
  }

  #missed(cause: unknown): IpvsError {
    const { number } = cause instanceof SystemError ? cause : { number: undefined };
    const down = number === ENOENT || number === ECONNREFUSED;
    const other = number === undefined ? String(cause) : errnoName(number);
    const why = down ? 'is it running? "ipvsd run" starts it' : other;
    const error = new IpvsError('NO_DAEMON', `the ipvsd daemon does not answer at ${this.#path} (${why})`);
    error.cause = cause;
    return error;
  }
}

/** @throws Error for what is no answer of the daemon */
function readHead(head: string): Answer {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (status === undefined || length === undefined) throw new Error('an answer that is not understood');
  return { ok: status === '200', length: Number(length) };
}
