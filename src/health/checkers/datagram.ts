/** Checks by datagrams: UDP and DNS. */
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Checker, type Expectation, isExpected, wanted } from '../checker.js';

/** A datagram, and what is expected of the answer. */
export interface UdpSpec extends Expectation {
  readonly send: string;
}

/** A question. */
export interface DnsSpec {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'NS' | 'SOA' | 'MX' | 'TXT';
  /** Whether "there is no such name" is a good answer too: the server is there and speaks. */
  readonly nxdomain: boolean;
}

/** Longest wait for somebody to say that the port is closed, when no answer is expected, ms. */
const QUIET = 200;

/** An answer comes that is what is expected; where nothing is, nobody says that the port is closed. */
export const checkUdp: Checker<UdpSpec> = async ({ address, port, local }, spec, signal) => {
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
    const answers = answer(socket, spec);
    socket.send(spec.send);
    const silent = spec.contains === undefined && spec.matches === undefined;
    await Promise.race([silent ? sleep(QUIET) : answers, failed]);
    return undefined;
  } finally {
    socket.close();
  }
};

/** The server answers the question. */
export const checkDns: Checker<DnsSpec> = async ({ address, port }, { name, type, nxdomain }, signal) => {
  // the signal ends it: its own patience is only to be longer than any
  const resolver = new Resolver({ timeout: 60_000, tries: 1 });
  resolver.setServers([address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`]);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await resolver.resolve(name, type);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // a name without such records is an answer
    if (code !== 'ENODATA' && !(nxdomain && code === 'ENOTFOUND')) throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  return undefined;
};

function connected(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve) => socket.connect(port, address, resolve));
}

function answer(socket: Socket, spec: Expectation): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('message', (message) => {
      if (isExpected(message.toString('latin1'), spec)) resolve();
      else reject(new Error(`an answer without ${wanted(spec)}`));
    });
  });
}
