/** BPF maps: tables in the kernel that programs and this process share. */
import { readFileSync } from 'node:fs';
import {
  BPF_MAP_CREATE,
  BPF_MAP_DELETE_BATCH,
  BPF_MAP_DELETE_ELEM,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM,
  BPF_MAP_LOOKUP_BATCH,
  BPF_MAP_LOOKUP_ELEM,
  BPF_MAP_UPDATE_BATCH,
  BPF_MAP_UPDATE_ELEM,
  BPF_OBJ_GET_INFO_BY_FD,
  BpfObject,
  bpf,
  bpfChecked,
  bpfResult,
  bpfWith,
} from './bpf.js';
import { EINVAL, ENOENT, SystemError } from './errno.js';
import { Memory } from './libc.js';

/** Kinds of maps (`enum bpf_map_type`). */
export const MAP_TYPES = { hash: 1, array: 2, percpuArray: 6, lruHash: 9, trie: 11, ringBuffer: 27 } as const;
export type MapType = keyof typeof MAP_TYPES;

/** Elements take memory as they are added. */
export const BPF_F_NO_PREALLOC = 1;

/** Update only what is not there yet. */
export const BPF_NOEXIST = 1;

/** Bytes of the position in a scan. */
const POSITION = 16;

/** Bytes of `union bpf_attr` for operations on elements; to delete one needs no value. */
const ELEMENT_ATTR = 32;
const DELETE_ATTR = 16;

/** What the kernel answers for a kind of map that cannot do it; no errno of user space. */
const ENOTSUPP = 524;

/** What a map is to be. */
export interface MapOptions {
  readonly name: string;
  readonly type: MapType;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. What a `percpuArray` gives is as many values as there are processors, each padded to a multiple of 8. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*` */
  readonly flags?: number;
}

/** Room for `capacity` elements: keys one after the other, and values likewise. */
export class MapBatch {
  readonly capacity: number;
  readonly keys: DataView;
  readonly values: DataView;
  readonly keyMemory: Memory;
  readonly valueMemory: Memory;

  constructor(map: BpfMap, capacity: number) {
    this.capacity = capacity;
    this.keyMemory = new Memory(map.keySize * capacity);
    this.valueMemory = new Memory(map.valueSize * capacity);
    this.keys = viewOf(this.keyMemory);
    this.values = viewOf(this.valueMemory);
  }
}

/** A map. Its `key` and `value` are what the operations on single elements work on: filled by the caller before, or read after. */
export class BpfMap extends BpfObject {
  readonly name: string;
  readonly keySize: number;
  /** Bytes that an element has for this process. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly key: DataView;
  readonly value: DataView;
  readonly #key: Memory;
  readonly #value: Memory;
  /** `union bpf_attr` of the operations on single elements: map, key, value, flags. */
  readonly #attr = new Memory(ELEMENT_ATTR);
  readonly #attrFlags: DataView;
  #canTake = true;
  readonly #position = [new Memory(POSITION), new Memory(POSITION)] as const;

  /** @param fd of a map that exists, and is what the options say; a new one when left out. @throws SYSTEM */
  constructor(options: MapOptions, fd = createMap(options)) {
    super(fd);
    this.name = options.name;
    this.keySize = options.keySize;
    this.valueSize =
      options.type === 'percpuArray'
        ? Math.ceil(options.valueSize / 8) * 8 * processors()
        : options.valueSize;
    this.maxEntries = options.maxEntries;
    this.#key = new Memory(options.keySize);
    this.#value = new Memory(this.valueSize);
    const attr = viewOf(this.#attr);
    attr.setUint32(0, this.fd, true);
    attr.setBigUint64(8, BigInt(this.#key.address), true);
    attr.setBigUint64(16, BigInt(this.#value.address), true);
    this.#attrFlags = new DataView(this.#attr.bytes.buffer, 24);
    this.key = viewOf(this.#key);
    this.value = viewOf(this.#value);
  }

  /** Brings the element with `key` to `value`. @returns false when there is none. */
  lookup(): boolean {
    return this.#found(bpfWith(BPF_MAP_LOOKUP_ELEM, this.#attr, ELEMENT_ATTR), 'LOOKUP');
  }

  /** Writes `value` for `key`. @param flags `BPF_NOEXIST` or 0. @throws SystemError, with E2BIG when the map is full. */
  update(flags = 0): void {
    this.#attrFlags.setUint32(0, flags, true);
    const result = bpfWith(BPF_MAP_UPDATE_ELEM, this.#attr, ELEMENT_ATTR);
    this.#attrFlags.setUint32(0, 0);
    bpfChecked(result, `BPF_MAP_UPDATE_ELEM, ${this.name}`);
  }

  /** Removes the element with `key`. @returns false when there is none. */
  delete(): boolean {
    return this.#found(bpfWith(BPF_MAP_DELETE_ELEM, this.#attr, DELETE_ATTR), 'DELETE');
  }

  /** Removes the element with `key` and brings it to `value`; from Linux 5.14 on nothing is lost in between. @returns false when there is none. */
  take(): boolean {
    if (this.#canTake) {
      const result = bpfWith(BPF_MAP_LOOKUP_AND_DELETE_ELEM, this.#attr, ELEMENT_ATTR);
      if (result !== -ENOTSUPP && result !== -EINVAL) return this.#found(result, 'LOOKUP_AND_DELETE');
      this.#canTake = false;
    }
    return this.lookup() && this.delete();
  }

  /**
   * Writes the first `count` elements of a batch.
   * @returns how many were written: fewer when the map is full.
   */
  updateBatch(batch: MapBatch, count: number): number {
    return this.#batch(BPF_MAP_UPDATE_BATCH, batch, count);
  }

  /** Removes the first `count` keys of a batch. Those that are not there do not matter. */
  deleteBatch(batch: MapBatch, count: number): void {
    let done = 0;
    while (done < count) {
      done += this.#batch(BPF_MAP_DELETE_BATCH, batch, count - done, done);
      // the one it stopped at is not there
      done++;
    }
  }

  /** Reads all elements, up to a batch at a time. @param visit is told how many there are in the batch; it may change the map. */
  scan(batch: MapBatch, visit: (count: number) => void): void {
    const [from, to] = this.#position;
    for (let first = true; ; first = false) {
      const result = bpf(BPF_MAP_LOOKUP_BATCH, 56, (a) => {
        if (!first) a.pointer(0, from);
        a.pointer(8, to)
          .pointer(16, batch.keyMemory)
          .pointer(24, batch.valueMemory)
          .u32(32, batch.capacity)
          .u32(36, this.fd);
      });
      if (result < 0 && result !== -ENOENT)
        throw new SystemError(`bpf(BPF_MAP_LOOKUP_BATCH, ${this.name})`, -result);
      const count = bpfResult(32);
      if (count > 0) visit(count);
      if (result < 0) return;
      from.bytes.set(to.bytes);
    }
  }

  #found(result: number, verb: string): boolean {
    if (result === -ENOENT) return false;
    bpfChecked(result, `BPF_MAP_${verb}_ELEM, ${this.name}`);
    return true;
  }

  #batch(command: number, batch: MapBatch, count: number, from = 0): number {
    const result = bpf(command, 56, (a) =>
      a
        .pointer(16, batch.keyMemory, from * this.keySize)
        .pointer(24, batch.valueMemory, from * this.valueSize)
        .u32(32, count)
        .u32(36, this.fd),
    );
    return result < 0 ? bpfResult(32) : count;
  }
}

/** `struct bpf_map_info` as far as it is read. */
const MAP_INFO = 48;

/** What the map of a descriptor is. @throws SYSTEM */
export function mapOptions(fd: number): Omit<MapOptions, 'type'> & { readonly type: number } {
  const memory = new Memory(MAP_INFO);
  const result = bpf(BPF_OBJ_GET_INFO_BY_FD, 16, (a) => a.u32(0, fd).u32(4, MAP_INFO).pointer(8, memory));
  bpfChecked(result, 'BPF_OBJ_GET_INFO_BY_FD');
  const info = viewOf(memory);
  const word = (at: number): number => info.getUint32(at, true);
  const name = new TextDecoder().decode(memory.bytes.subarray(24, 40)).replace(/\0.*$/s, '');
  return {
    name,
    type: word(0),
    keySize: word(8),
    valueSize: word(12),
    maxEntries: word(16),
    flags: word(20),
  };
}

/** Makes a map. @returns its descriptor. @throws SYSTEM */
export function createMap({ name, type, keySize, valueSize, maxEntries, flags = 0 }: MapOptions): number {
  const result = bpf(BPF_MAP_CREATE, 44, (a) =>
    a
      .u32(0, MAP_TYPES[type])
      .u32(4, keySize)
      .u32(8, valueSize)
      .u32(12, maxEntries)
      .u32(16, flags)
      .name(28, name),
  );
  return bpfChecked(result, `BPF_MAP_CREATE, ${name}`);
}

/** Processors that this machine may have: values are kept for all of them. */
function processors(): number {
  const ranges = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  return Number(ranges.split(/[-,]/).at(-1)) + 1;
}

function viewOf({ bytes }: Memory): DataView {
  return new DataView(bytes.buffer);
}
