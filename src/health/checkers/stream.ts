/** Checks by a stream of bytes: TCP, TLS, and agents that tell a weight. */
import type { Socket } from 'node:net';
import {
  type Checker,
  type Expectation,
  isExpected,
  type Message,
  MOST_ANSWER,
  messageBytes,
  type Target,
  wanted,
} from '../checker.js';
import { closeConnection, openConnection } from '../connection.js';
import { openSecure, type TlsTerms } from '../secure.js';

/** A connection, and what is said by it when it stands. */
export interface StreamSpec extends Expectation, Message {}

/** As {@link StreamSpec}, encrypted. */
export interface TlsSpec extends StreamSpec, TlsTerms {}

/** The connection stands, and what comes by it is what is expected, if anything is. */
export const checkTcp: Checker<StreamSpec> = async (target, spec, signal) => {
  const socket = openConnection(target, signal);
  return finish(
    target,
    socket,
    opened(socket, 'connect').then(() => talk(socket, spec)),
  );
};

/** As {@link checkTcp}, by TLS. */
export const checkTls: Checker<TlsSpec> = async (target, spec, signal) => {
  const { below, secure } = await openSecure(target, spec, signal);
  return finish(
    target,
    below,
    opened(secure, 'secureConnect').then(() => talk(secure, spec)),
  );
};

/** A program beside the server says how it is, as agents for HAProxy do: `75%`, `up`, `ready`; `drain`, `maint`, `down`, `stopped` or `fail`. */
export const checkAgent: Checker<Record<never, never>> = async (target, _spec, signal) => {
  const socket = openConnection(target, signal);
  const line = opened(socket, 'connect').then(() => readUntil(socket, (text) => text.includes('\n'), true));
  return finish(
    target,
    socket,
    line.then((text) => weightOf(text)),
  );
};

/** Resolves at `event`; rejects when the socket fails first. */
function opened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
  });
}

async function talk(socket: Socket, spec: StreamSpec): Promise<undefined> {
  const message = messageBytes(spec);
  if (message !== undefined) socket.write(message);
  if (spec.contains === undefined && spec.matches === undefined) return;
  const text = await readUntil(socket, (all) => isExpected(all, spec), false);
  if (!isExpected(text, spec)) throw new Error(`ended without ${wanted(spec)}`);
}

/** Reads until `enough`, or the end. @param must whether the end is an error. */
function readUntil(socket: Socket, enough: (text: string) => boolean, must: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text += piece;
      if (enough(text) || text.length > MOST_ANSWER) resolve(text);
    });
    socket.once('end', () =>
      must && !enough(text) ? reject(new Error('ended without a line')) : resolve(text),
    );
    socket.once('error', reject);
  });
}

async function finish<T>(target: Target, socket: Socket, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    closeConnection(socket, target);
  }
}

const GOOD_WORDS = ['up', 'ready'];
const IDLE_WORDS = ['drain', 'maint'];

function weightOf(line: string): number | undefined {
  const words = line
    .split('\n')[0]!
    .trim()
    .toLowerCase()
    .split(/[\s,]+/);
  const bad = words.find((word) => /^(down|stopped|fail)/.test(word));
  if (bad !== undefined) throw new Error(`the agent says ${bad}`);
  if (words.some((word) => IDLE_WORDS.includes(word))) return 0;
  const percent = words.map((word) => /^(\d{1,3})%$/.exec(word)).find((found) => found !== null);
  if (percent != null) return Math.min(Number(percent[1]), 100);
  if (words.some((word) => GOOD_WORDS.includes(word))) return undefined;
  throw new Error(`the agent says nothing that is known: ${JSON.stringify(line.slice(0, 60))}`);
}
