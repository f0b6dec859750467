/**
 * Hardware addresses of next hops for direct routing. The kernel resolves and keeps them; this follows its table and holds packets back while
 * one is being resolved.
 */
import type { NetlinkSocket } from '../../linux/netlink.js';
import {
  getNeighbour,
  type Neighbour,
  NUD_FAILED,
  NUD_STALE,
  NUD_VALID,
  useNeighbour,
} from '../../linux/rt-neighbour.js';
import { type InetAddr, inetToString } from '../../wire/inet.js';

/** Packets held back for one neighbour, and in all. */
const QUEUE_LIMIT = 64;
const QUEUE_TOTAL = 4096;
/** How long an unresolved neighbour is waited for (three solicitations, one a second), ms. */
const PATIENCE = 3000;

/** A next hop on an interface. */
export interface NeighbourEntry {
  readonly ifindex: number;
  readonly address: InetAddr;
  /** Known hardware address; undefined while there is none. */
  hardware: Uint8Array | undefined;
  state: number;
  /** When the kernel last told of it, ms. */
  since: number;
  /** Whether a packet went to it since the last look. */
  used: boolean;
  /** When it was last asked for, ms; what waits longer than three seconds is given up. */
  asked: number;
  /** Nobody used it, so that it is no longer kept up to date: it must be found anew. */
  stale: boolean;
  readonly queue: Uint8Array[];
}

/** What becomes of packets that were held back. */
export interface NeighbourEvents {
  /** The neighbour was found: `packet` (as it was given to `hold`) may go. */
  resolved(packet: Uint8Array, entry: NeighbourEntry): void;
  /** It was not. */
  failed(packet: Uint8Array): void;
}

/** The neighbours in use. */
export class Neighbours {
  readonly #socket: NetlinkSocket;
  readonly #events: NeighbourEvents;
  readonly #entries = new Map<string, NeighbourEntry>();
  /** Counts what the kernel has told of entries. */
  generation = 0;
  #held = 0;

  constructor(socket: NetlinkSocket, events: NeighbourEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** The entry of a next hop; asked of the kernel when it is new. Its `hardware` may still be missing. */
  find(ifindex: number, address: InetAddr, now: number): NeighbourEntry {
    const key = `${ifindex} ${inetToString(address)}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {
        ifindex,
        address,
        hardware: undefined,
        state: 0,
        since: now,
        used: true,
        asked: Number.NEGATIVE_INFINITY,
        stale: false,
        queue: [],
      };
      this.#entries.set(key, entry);
      const known = getNeighbour(this.#socket, ifindex, address);
      if (known !== undefined) this.#update(entry, known, now);
      this.#ask(entry, now);
    }
    return entry;
  }

  /** Keeps a copy of `packet` until the neighbour is known. @returns false when there is no room for it. */
  hold(entry: NeighbourEntry, packet: Uint8Array, now: number): boolean {
    if (entry.queue.length >= QUEUE_LIMIT || this.#held >= QUEUE_TOTAL) return false;
    entry.queue.push(packet.slice());
    this.#held++;
    if (now - entry.asked >= PATIENCE) this.#ask(entry, now);
    return true;
  }

  /** The kernel's entry has changed (or gone: `deleted`). */
  changed(neighbour: Neighbour, deleted: boolean, now: number): void {
    const entry = this.#entries.get(`${neighbour.ifindex} ${inetToString(neighbour.address)}`);
    if (entry !== undefined)
      this.#update(entry, deleted ? { ...neighbour, state: 0, hardware: undefined } : neighbour, now);
  }

  /** Once a second: keeps the kernel confirming what is in use, gives up what does not answer, forgets what nobody uses. */
  tick(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.queue.length > 0) {
        if (now - entry.asked > PATIENCE) this.#giveUp(entry);
      } else if (!entry.used) {
        entry.stale = true;
        this.#entries.delete(key);
      }
      // frames sent past the kernel's table do not count as use there
      else if (entry.hardware === undefined || entry.state === NUD_STALE) this.#ask(entry, now);
      entry.used = false;
    }
  }

  /** Forgets everything, after a change that notifications did not tell. Packets that wait are asked for again. */
  refresh(now: number): void {
    for (const entry of this.#entries.values()) {
      const known = getNeighbour(this.#socket, entry.ifindex, entry.address);
      this.#update(
        entry,
        known ?? { ifindex: entry.ifindex, address: entry.address, state: 0, hardware: undefined },
        now,
      );
      if (entry.hardware === undefined) this.#ask(entry, now);
    }
  }

  #update(entry: NeighbourEntry, kernel: Neighbour, now: number): void {
    this.generation++;
    entry.since = now;
    entry.state = kernel.state;
    entry.hardware = (kernel.state & NUD_VALID) !== 0 ? kernel.hardware : undefined;
    if (entry.hardware !== undefined)
      for (const packet of this.#drain(entry)) this.#events.resolved(packet, entry);
    else if ((kernel.state & NUD_FAILED) !== 0) this.#giveUp(entry);
  }

  #ask(entry: NeighbourEntry, now: number): void {
    entry.asked = now;
    try {
      useNeighbour(this.#socket, entry.ifindex, entry.address);
    } catch {
      // the interface is going away: its packets are given up like those of a silent neighbour
    }
  }

  #giveUp(entry: NeighbourEntry): void {
    for (const packet of this.#drain(entry)) this.#events.failed(packet);
  }

  #drain(entry: NeighbourEntry): Uint8Array[] {
    const packets = entry.queue.splice(0);
    this.#held -= packets.length;
    return packets;
  }
}
