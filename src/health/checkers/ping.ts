/** Checks by ICMP and ICMPv6 echo. */
import { libc, Memory } from '../../linux/libc.js';
import { ReceiveSocket } from '../../linux/receive-socket.js';
import { socketAddress } from '../../linux/socket-address.js';
import { checksum } from '../../wire/checksum.js';
import { AF_INET, type Family, type InetAddr, parseInet } from '../../wire/inet.js';
import type { Checker } from '../checker.js';

/** Type of an echo request, of its reply, and the protocol they belong to. */
const ECHO = { 4: { request: 8, reply: 0, protocol: 1 }, 6: { request: 128, reply: 129, protocol: 58 } };
/** How often answers are looked for while some are awaited, ms. */
const LOOK = 5;
/** Header and eight bytes of payload. */
const LENGTH = 16;
const LARGEST_HEADER = 60;

/** The server answers an echo request. The target's port means nothing. */
export const checkPing: Checker<Record<never, never>> = ({ address }, _spec, signal) =>
  new Promise((resolve, reject) => {
    const to = parseInet(address)!;
    const pinger = pingerOf(to.family);
    const forget = pinger.ping(to, () => {
      signal.removeEventListener('abort', abort);
      resolve(undefined);
    });
    const abort = (): void => {
      forget();
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
  });

const pingers = new Map<Family, Pinger>();

/** One socket a family: each raw socket is given all that arrives. */
function pingerOf(family: Family): Pinger {
  let pinger = pingers.get(family);
  if (pinger === undefined) {
    pinger = new Pinger(family);
    pingers.set(family, pinger);
  }
  return pinger;
}

class Pinger {
  readonly #family: Family;
  readonly #waiting = new Map<number, { readonly to: InetAddr; readonly answered: () => void }>();
  readonly #in = new Memory(256);
  readonly #identifier = Math.floor(Math.random() * 0x10000);
  #socket: ReceiveSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sequence = 0;

  constructor(family: Family) {
    this.#family = family;
  }

  /** Sends a request. @returns a function that ends the wait for its answer. */
  ping(to: InetAddr, answered: () => void): () => void {
    this.#socket ??= new ReceiveSocket({ protocol: this.#echo.protocol }, anyAddress(this.#family));
    const sequence = this.#nextSequence();
    const request = new DataView(new ArrayBuffer(LENGTH));
    request.setUint8(0, this.#echo.request);
    request.setUint16(4, this.#identifier);
    request.setUint16(6, sequence);
    // the kernel sums ICMPv6, whose sum has addresses in it
    if (this.#family === AF_INET) request.setUint16(2, checksum(request, 0, LENGTH));
    const name = socketAddress(to, 0);
    libc.sendto(this.#socket.fd, new Uint8Array(request.buffer), LENGTH, 0, name, name.length);
    this.#waiting.set(sequence, { to, answered });
    this.#timer ??= setInterval(() => this.#look(), LOOK);
    return () => this.#end(sequence);
  }

  get #echo() {
    return this.#family === AF_INET ? ECHO[4] : ECHO[6];
  }

  #nextSequence(): number {
    do this.#sequence = (this.#sequence + 1) & 0xffff;
    while (this.#waiting.has(this.#sequence));
    return this.#sequence;
  }

  #look(): void {
    const bytes = this.#in.bytes;
    const view = new DataView(bytes.buffer);
    // the last answer that is awaited closes the socket
    for (let socket = this.#socket; socket !== undefined; socket = this.#socket) {
      const n = socket.receive(this.#in.address, bytes.length);
      if (n < 0) return;
      // IPv4 comes with its header
      const at = this.#family === AF_INET ? Math.min((bytes[0]! & 15) * 4, LARGEST_HEADER) : 0;
      if (n < at + 8 || bytes[at] !== this.#echo.reply || view.getUint16(at + 4) !== this.#identifier)
        continue;
      const sequence = view.getUint16(at + 6);
      const waiting = this.#waiting.get(sequence);
      if (waiting === undefined || !socket.cameFrom(waiting.to)) continue;
      this.#end(sequence);
      waiting.answered();
    }
  }

  #end(sequence: number): void {
    this.#waiting.delete(sequence);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#socket?.close();
    this.#socket = undefined;
  }
}

function anyAddress(family: Family): InetAddr {
  return parseInet(family === AF_INET ? '0.0.0.0' : '::')!;
}
