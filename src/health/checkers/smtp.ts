/** Checks of mail servers, by SMTP (RFC 5321). */
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { type Checker, MOST_ANSWER } from '../checker.js';
import { closeConnection, openConnection } from '../connection.js';

/** Who asks. */
export interface SmtpSpec {
  /** Name for HELO; this host's when absent. */
  readonly helo?: string;
}

/** The server greets (220), answers HELO (250) and says good-bye (221). */
export const checkSmtp: Checker<SmtpSpec> = async (target, { helo = hostname() }, signal) => {
  const socket = openConnection(target, signal);
  try {
    const replies = repliesOf(socket);
    await expect(replies, 'greeting', '220');
    for (const [command, code] of [
      [`HELO ${helo}`, '250'],
      ['QUIT', '221'],
    ] as const) {
      socket.write(`${command}\r\n`);
      await expect(replies, command, code);
    }
    return undefined;
  } finally {
    closeConnection(socket, target);
  }
};

async function expect(replies: AsyncGenerator<string>, to: string, code: string): Promise<void> {
  const { value, done } = await replies.next();
  if (done) throw new Error(`${to}: ended without an answer`);
  if (!value.startsWith(code)) throw new Error(`${to}: ${JSON.stringify(value.slice(0, 60))}`);
}

/** The last line of each reply: the others have a hyphen after the code. */
async function* repliesOf(socket: Socket): AsyncGenerator<string, undefined> {
  let text = '';
  socket.setEncoding('latin1');
  for await (const piece of socket) {
    const lines = (text + piece).split('\n');
    text = lines.pop()!;
    if (text.length > MOST_ANSWER) throw new Error('a line without an end');
    yield* lines.filter((line) => !/^\d{3}-/.test(line)).map((line) => line.trimEnd());
  }
}
