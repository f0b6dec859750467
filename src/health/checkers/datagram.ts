/** Checks by datagrams: UDP and DNS. */
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Checker,
  type Expectation,
  isExpected,
  type Message,
  messageBytes,
  type Target,
  wanted,
} from '../checker.js';
import { dnsQuestion, type Question, RCODES, rcodeOf } from './dns-message.js';

/** A datagram, and what is expected of the answer. */
export interface UdpSpec extends Expectation, Message {}

/** A question. */
export interface DnsSpec extends Question {
  /** Whether "there is no such name" is a good answer too: the server is there and speaks. */
  readonly nxdomain: boolean;
}

/** Longest wait for somebody to say that the port is closed, when no answer is expected, ms. */
const QUIET = 200;
const NOERROR = 0;
const NXDOMAIN = 3;

/** An answer comes that is what is expected; where nothing is, nobody says that the port is closed. */
export const checkUdp: Checker<UdpSpec> = (target, spec, signal) =>
  ask(target, signal, async (socket, failed) => {
    const answer = nextMessage(socket);
    socket.send(messageBytes(spec) ?? '\n');
    if (spec.contains === undefined && spec.matches === undefined) {
      await Promise.race([sleep(QUIET), failed]);
      return;
    }
    const text = (await Promise.race([answer, failed])).toString('latin1');
    if (!isExpected(text, spec)) throw new Error(`an answer without ${wanted(spec)}`);
  });

/** The server answers the question. A name without such records is an answer. */
export const checkDns: Checker<DnsSpec> = (target, spec, signal) =>
  ask(target, signal, async (socket, failed) => {
    const id = Math.floor(Math.random() * 0x10000);
    const question = dnsQuestion(id, spec);
    let rcode: number | undefined;
    let answer = nextMessage(socket);
    socket.send(question);
    while (rcode === undefined) {
      rcode = rcodeOf(await Promise.race([answer, failed]), id);
      answer = nextMessage(socket);
    }
    if (rcode === NOERROR || (rcode === NXDOMAIN && spec.nxdomain)) return;
    throw new Error(RCODES[rcode] ?? `response code ${rcode}`);
  });

/** Has a conversation by a socket that hears the target alone. @param talk is given what rejects when it has to end */
async function ask(
  { address, port, local }: Target,
  signal: AbortSignal,
  talk: (socket: Socket, failed: Promise<never>) => Promise<void>,
): Promise<undefined> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    const failed = new Promise<never>((_, reject) => {
      socket.once('error', reject);
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
    // whoever waits below hears of it; nobody may be waiting yet
    failed.catch(() => {});
    if (local !== undefined) socket.bind(local.port, local.address);
    await Promise.race([connected(socket, port, address), failed]);
    await talk(socket, failed);
    return undefined;
  } finally {
    socket.close();
  }
}

function connected(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve) => socket.connect(port, address, resolve));
}

function nextMessage(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => socket.once('message', resolve));
}
