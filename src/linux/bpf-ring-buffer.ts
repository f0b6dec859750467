/** BPF ring buffers: records that programs leave for this process, in one order over all processors (Documentation/bpf/ringbuf.rst). */
import { BpfObject } from './bpf.js';
import { createMap, type MapOptions } from './bpf-map.js';
import { checked } from './errno.js';
import { libc, mappedBytes } from './libc.js';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Before each record: its length with two flags on top, and where its page is. */
const HEADER = 8;
/** The record is being written. */
const BUSY = 1 << 31;
/** The program has thought better of it. */
const DISCARDED = 1 << 30;

const NOTHING = new Int32Array(1);

/** What a ring buffer is to be. */
export interface RingBufferOptions {
  readonly name: string;
  /** Bytes: a power of two, and a whole number of pages. */
  readonly size: number;
}

/**
 * A ring buffer (BPF_MAP_TYPE_RINGBUF, Linux 5.8), mapped into this process: to read it takes no system call. A program that finds no room is told so
 * and keeps its record.
 */
export class RingBuffer extends BpfObject {
  readonly name: string;
  /** The records. Offsets that {@link read} gives are into this. */
  readonly data: DataView;
  readonly #size: number;
  readonly #mappings: { readonly address: number; readonly length: number }[] = [];
  readonly #headers: Int32Array;
  /** Both positions only grow; of what programs have written the low word is enough. */
  #produced = NOTHING;
  readonly #consumed: BigUint64Array;
  #position = 0;

  /** @param fd of a ring buffer that exists, and is what the options say; a new one when left out. @throws SYSTEM */
  constructor({ name, size }: RingBufferOptions, fd = createMap(ringOptions({ name, size }))) {
    super(fd);
    this.name = name;
    this.#size = size;
    try {
      const page = libc.getpagesize();
      this.#consumed = new BigUint64Array(this.#map(page, PROT_READ | PROT_WRITE, 0), 0, 1);
      // the data come twice, so that a record at the end is in one piece
      const shared = this.#map(page + 2 * size, PROT_READ, page);
      this.#produced = new Int32Array(shared, 0, 1);
      this.#headers = new Int32Array(shared, page);
      this.data = new DataView(shared, page);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#position = Number(this.#consumed[0]);
  }

  /** True when there is something to read, finished or not. */
  get pending(): boolean {
    return Atomics.load(this.#produced, 0) !== (this.#position | 0);
  }

  /**
   * Visits the records that are finished, oldest first, and frees their room.
   * @param visit is given where in {@link data} a record is, and its length.
   * @param limit as many are visited at most.
   */
  read(visit: (offset: number, length: number) => void, limit = Number.POSITIVE_INFINITY): void {
    if (!this.pending) return;
    const end = Atomics.load(this.#produced, 0);
    // the low word of the position is enough for all but the kernel
    const start = this.#position | 0;
    let position = start;
    for (let left = limit; position !== end && left > 0; ) {
      const at = position & (this.#size - 1);
      const header = Atomics.load(this.#headers, at >>> 2);
      if ((header & BUSY) !== 0) break;
      const length = header & ~DISCARDED;
      if ((header & DISCARDED) === 0) {
        visit(at + HEADER, length);
        left--;
      }
      position = (position + HEADER + ((length + 7) & ~7)) | 0;
    }
    this.#position += (position - start) >>> 0;
    Atomics.store(this.#consumed, 0, BigInt(this.#position));
  }

  override close(): void {
    // nobody reads what is not mapped any more
    this.#produced = NOTHING;
    this.#position = 0;
    for (const { address, length } of this.#mappings.splice(0)) libc.munmap(address, length);
    super.close();
  }

  #map(length: number, protection: number, offset: number): ArrayBuffer {
    const address = checked(
      libc.mmap(0, length, protection, MAP_SHARED, this.fd, offset),
      `mmap(${this.name})`,
    );
    this.#mappings.push({ address, length });
    return mappedBytes(address, length);
  }
}

/** The map that a ring buffer is. */
export function ringOptions({ name, size }: RingBufferOptions): MapOptions {
  return { name, type: 'ringBuffer', keySize: 0, valueSize: 0, maxEntries: size };
}
