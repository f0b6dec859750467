/** A message that is being filled (`struct ip_vs_sync_buff`). */
import { HEADER_V0, HEADER_V1, writeHeader } from './message.js';

/**
 * Most entries: the number is told in eight bits. The kernel goes on, so that what such a message tells is lost; but that takes a message
 * of more than 6 kB, which only `--sync-maxlen` allows.
 */
const COUNT_MAX = 255;

/** Takes entries until one does not fit. */
export class SyncBuffer {
  readonly version: number;
  /** Jiffies when it was made. */
  readonly firstUse: number;
  readonly #syncid: number;
  readonly #bytes: Uint8Array;
  #used: number;
  #count = 0;

  /** @param capacity bytes of the whole message; an entry that is longer than that gets a message that it fits into. */
  constructor(version: number, syncid: number, capacity: number, entry: Uint8Array, firstUse: number) {
    this.version = version;
    this.firstUse = firstUse;
    this.#syncid = syncid;
    this.#used = version === 0 ? HEADER_V0 : HEADER_V1;
    this.#bytes = new Uint8Array(Math.max(capacity, this.#used + entry.length));
    this.append(entry);
  }

  /** Adds an entry, at the next multiple of 4 bytes. @returns false when there is no room for it. */
  append(entry: Uint8Array): boolean {
    const at = (this.#used + 3) & ~3;
    if (this.#count === COUNT_MAX || at + entry.length > this.#bytes.length) return false;
    this.#bytes.set(entry, at);
    this.#used = at + entry.length;
    this.#count++;
    return true;
  }

  /** The message as it is to be sent. */
  message(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#used);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    writeHeader(view, this.version, this.#syncid, this.#used, this.#count);
    return bytes;
  }
}
