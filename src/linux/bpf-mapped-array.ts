/** Arrays that are memory of programs and of this process at once (BPF_F_MMAPABLE, Linux 5.5): to read or write one takes no system call. */
import { BpfObject } from './bpf.js';
import { createMap } from './bpf-map.js';
import { checked } from './errno.js';
import { libc, mappedBytes } from './libc.js';

const BPF_F_MMAPABLE = 1024;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** What such an array is to be. */
export interface MappedArrayOptions {
  readonly name: string;
  /** Bytes of an element; in memory each begins at a multiple of 8. */
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** An array, mapped until `close`. */
export class MappedArray extends BpfObject {
  /** All elements, in the machine's order. After `close` it must not be touched. */
  readonly words: Int32Array;
  readonly #address: number;
  readonly #length: number;

  /** @throws SYSTEM */
  constructor({ name, valueSize, maxEntries }: MappedArrayOptions) {
    super(createMap({ name, type: 'array', keySize: 4, valueSize, maxEntries, flags: BPF_F_MMAPABLE }));
    const page = libc.getpagesize();
    this.#length = Math.ceil((Math.ceil(valueSize / 8) * 8 * maxEntries) / page) * page;
    try {
      this.#address = checked(
        libc.mmap(0, this.#length, PROT_READ_WRITE, MAP_SHARED, this.fd, 0),
        `mmap(${name})`,
      );
    } catch (error) {
      super.close();
      throw error;
    }
    this.words = new Int32Array(mappedBytes(this.#address, this.#length));
  }

  override close(): void {
    libc.munmap(this.#address, this.#length);
    super.close();
  }
}
