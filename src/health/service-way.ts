/** Checks that take the way of a service's packets: from a port of their own, by which the director knows where they are to go. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { ActiveCheck } from '../control/check-spec.js';
import { check } from './check.js';
import type { Target } from './checker.js';

/** Ports of checks, below those that Linux gives to connections of others by itself. */
const FIRST = 20_000;
const COUNT = 12_768;
/** Ports that are tried before a check is given up: others may listen on some. */
const TRIES = 5;

/** Ports that are in use, by whatever check. */
const used = new Set<number>();
let next = Math.floor(Math.random() * COUNT);

function takePort(): number {
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (used.has(port)) continue;
    used.add(port);
    return port;
  }
  throw new Error(`no port is free for checks (${COUNT} are in use)`);
}

/** The way of one check's connections. */
export class ServiceWay {
  readonly #near: string;
  readonly #pin: (port: number) => Promise<void>;
  readonly #unpin: () => void;
  #local: Target['local'];

  /**
   * @param near the real server's own address: connections come from the address of this host that is nearest to it.
   * @param pin has the director send connections from a port to the server. @param unpin ends that
   */
  constructor(near: string, pin: (port: number) => Promise<void>, unpin: () => void) {
    this.#near = near;
    this.#pin = pin;
    this.#unpin = unpin;
  }

  /** Does a check once. @param target the virtual address and port */
  async check(target: Target, spec: ActiveCheck, signal: AbortSignal): Promise<number | undefined> {
    for (let tries = 1; ; tries++) {
      this.#local ??= await this.#take(target);
      try {
        return await check({ ...target, local: this.#local }, spec, signal);
      } catch (error) {
        if (!isTaken(error) || tries === TRIES) throw error;
        this.free();
      }
    }
  }

  /** Gives the port back. */
  free(): void {
    if (this.#local === undefined) return;
    this.#unpin();
    used.delete(this.#local.port);
    this.#local = undefined;
  }

  async #take(target: Target): Promise<NonNullable<Target['local']>> {
    const near = isIPv6(this.#near) === isIPv6(target.address) ? this.#near : target.address;
    const address = await addressTowards(near);
    const port = takePort();
    try {
      await this.#pin(port);
    } catch (error) {
      used.delete(port);
      throw error;
    }
    return { address, port };
  }
}

/** The port has been taken by somebody else, or a connection of before has not ended yet. */
function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL';
}

/** The address of this host that packets to `address` leave with. */
async function addressTowards(address: string): Promise<string> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.connect(9, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}
