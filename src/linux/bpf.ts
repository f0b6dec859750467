/** bpf(2): the call itself, and the names of its commands. */
import { arch } from 'node:os';
import { IpvsError } from '../errors.js';
import { lastErrno, SystemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';

export const BPF_MAP_CREATE = 0;
export const BPF_MAP_LOOKUP_ELEM = 1;
export const BPF_MAP_UPDATE_ELEM = 2;
export const BPF_MAP_DELETE_ELEM = 3;
export const BPF_PROG_LOAD = 5;
export const BPF_MAP_LOOKUP_AND_DELETE_ELEM = 21;
export const BPF_OBJ_PIN = 6;
export const BPF_OBJ_GET = 7;
export const BPF_PROG_TEST_RUN = 10;
export const BPF_PROG_QUERY = 16;
export const BPF_OBJ_GET_INFO_BY_FD = 15;
export const BPF_MAP_LOOKUP_BATCH = 24;
export const BPF_MAP_UPDATE_BATCH = 26;
export const BPF_MAP_DELETE_BATCH = 27;
export const BPF_LINK_CREATE = 28;
export const BPF_LINK_UPDATE = 29;

/** Number of the system call, by architecture. */
const BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 };
const number = BPF[arch()];

/** Bytes of `union bpf_attr`, as far as the commands above need them. */
const ATTR = 128;

/** `union bpf_attr` for one call at a time. The calls of a thread come one after the other. */
const attr = new Memory(ATTR);
const view = new DataView(attr.bytes.buffer);
const pointedTo: Memory[] = [];

/** Writes the fields of `union bpf_attr`. */
export interface AttrWriter {
  u32(offset: number, value: number): AttrWriter;
  u64(offset: number, value: number): AttrWriter;
  /** The address of memory, which is kept alive until the call has returned. @param skip bytes to leave out at its start. */
  pointer(offset: number, memory: Memory, skip?: number): AttrWriter;
  /** At most 15 bytes and a final 0. */
  name(offset: number, value: string): AttrWriter;
}

const writer: AttrWriter = {
  u32(offset, value) {
    view.setUint32(offset, value, true);
    return writer;
  },
  u64(offset, value) {
    view.setUint32(offset, value >>> 0, true);
    view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
    return writer;
  },
  pointer(offset, memory, skip = 0) {
    pointedTo.push(memory);
    return writer.u64(offset, memory.address + skip);
  },
  name(offset, value) {
    attr.bytes.set(new TextEncoder().encode(value).subarray(0, 15), offset);
    return writer;
  },
};

/**
 * Calls bpf(2).
 * @param size bytes of `union bpf_attr` that the command knows.
 * @param fill writes them; what it leaves out is 0.
 * @returns what the call returns, or the negative errno.
 */
export function bpf(command: number, size: number, fill: (attr: AttrWriter) => void): number {
  attr.bytes.fill(0);
  fill(writer);
  const result = bpfWith(command, attr, size);
  pointedTo.length = 0;
  return result;
}

/** As {@link bpf}, with a `union bpf_attr` that the caller keeps: for calls that come often, with what they point to kept as well. */
export function bpfWith(command: number, attr: Memory, size: number): number {
  if (number === undefined) throw new IpvsError('NOT_SUPPORTED', `no bpf(2) on ${arch()}`);
  const result = libc.bpf(number, command, attr.address, size);
  return result < 0 ? -lastErrno() : result;
}

/** A field that the kernel has written back in the last call. */
export function bpfResult(offset: number): number {
  return view.getUint32(offset, true);
}

/** Hands `result` on, or throws when it says that the call failed. */
export function bpfChecked(result: number, call: string): number {
  if (result < 0) throw new SystemError(`bpf(${call})`, -result);
  return result;
}

/** A map, program or link: it lives while a descriptor, or something in the kernel, refers to it. */
export class BpfObject {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Gives it a name below a BPF file system, under which it outlives the process. @throws SYSTEM, with EEXIST when the name is taken. */
  pin(path: string): void {
    const name = pathMemory(path);
    bpfChecked(
      bpf(BPF_OBJ_PIN, 16, (a) => a.pointer(0, name).u32(8, this.fd)),
      `BPF_OBJ_PIN, ${path}`,
    );
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** A new descriptor of what is pinned at `path`. @throws SYSTEM, with ENOENT when nothing is. */
export function getPinned(path: string): number {
  const name = pathMemory(path);
  return bpfChecked(
    bpf(BPF_OBJ_GET, 16, (a) => a.pointer(0, name)),
    `BPF_OBJ_GET, ${path}`,
  );
}

function pathMemory(path: string): Memory {
  const bytes = new TextEncoder().encode(`${path}\0`);
  const memory = new Memory(bytes.length);
  memory.bytes.set(bytes);
  return memory;
}
