/** Resolution of next hops: those in the table are known, others do not answer, which takes some three seconds to find out. */
import { AF_INET, type InetAddr } from '../../wire/inet.js';
import type { Link } from './fib.js';
import { type IpConfig, neighbourKey } from './ip-config.js';

/** Solicitations, how long each waits for an answer, and the ends of time slots at which such a timer fires (`mcast_solicit`, `retrans_time`; ms). */
const SOLICITATIONS = 3;
const WAIT = 1000;
const SLOT = 80;

/** When a next hop that is asked for now is given up, ms. */
function givenUpAt(now: number): number {
  let at = now;
  for (let i = 0; i < SOLICITATIONS; i++) at = (Math.floor((at + WAIT) / SLOT) + 1) * SLOT;
  return at;
}

/** A packet that waits for its next hop's MAC address. */
export interface Waiting {
  readonly bytes: Uint8Array;
  readonly link: Link;
  readonly hop: InetAddr;
  /** The link that it came in by. */
  readonly from: Link;
  /** The same without its checksum, where that is made last. */
  readonly unfinished: Uint8Array | undefined;
}

/** The packets that wait for an answer from their next hop. */
export class NeighbourQueue {
  readonly #config: IpConfig;
  readonly #waiting = new Map<string, { readonly until: number; readonly packets: Waiting[] }>();

  constructor(config: IpConfig) {
    this.#config = config;
  }

  /** MAC address of a next hop on `link`, or undefined when it has to be asked for. */
  resolve(link: Link, hop: InetAddr): Uint8Array | undefined {
    return this.#config.neighbours.get(neighbourKey(link, hop));
  }

  /** Keeps a packet until its next hop is found or given up. */
  wait(w: Waiting, now: number): void {
    const key = neighbourKey(w.link, w.hop);
    const entry = this.#waiting.get(key);
    if (entry === undefined) {
      this.#waiting.set(key, { until: givenUpAt(now), packets: [w] });
      this.#config.asked.set(key, true);
    } else entry.packets.push(w);
  }

  /** When the next of them is given up, ms; Infinity when none waits. */
  get deadline(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting.values()) first = Math.min(first, entry.until);
    return first;
  }

  /** Hands over what can be sent since the table changed, and what is given up. */
  run(now: number, send: (w: Waiting, mac: Uint8Array) => void, fail: (w: Waiting) => void): void {
    // timers of one slot fire the last one first
    for (const [key, entry] of [...this.#waiting].reverse()) {
      const { link, hop } = entry.packets[0]!;
      const mac = this.resolve(link, hop);
      const asked = this.#config.asked.get(key);
      if (mac === undefined && asked === true && entry.until > now) continue;
      this.#waiting.delete(key);
      if (asked === false) this.#config.asked.delete(key);
      // the link has lost all that it had
      if (mac === undefined && asked === undefined) continue;
      for (const w of entry.packets) {
        if (mac !== undefined) send(w, mac);
        else fail(w);
      }
    }
  }
}

/** MAC address of a multicast or broadcast destination (RFC 1112 6.4, RFC 2464 7); undefined for a unicast one. */
export function groupMac(hop: InetAddr, broadcast: boolean): Uint8Array | undefined {
  const w = hop.words;
  if (broadcast) return new Uint8Array(6).fill(255);
  if (hop.family === AF_INET) {
    const a = w[0]!;
    return a >>> 28 === 14
      ? Uint8Array.of(1, 0, 0x5e, (a >>> 16) & 127, (a >>> 8) & 255, a & 255)
      : undefined;
  }
  const last = w[3]!;
  return w[0]! >>> 24 === 255
    ? Uint8Array.of(0x33, 0x33, last >>> 24, (last >>> 16) & 255, (last >>> 8) & 255, last & 255)
    : undefined;
}
