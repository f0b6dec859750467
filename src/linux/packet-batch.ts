/** Frames that a packet socket sends with one system call: sendmmsg(2). */
import { LITTLE } from '../wire/netlink.js';
import { EINTR, lastErrno } from './errno.js';
import { libc, Memory } from './libc.js';
import { type PacketSocket, SOCKADDR_LL, writeLinkAddress } from './packet-socket.js';

/** Bytes of `struct mmsghdr`, and where its parts are: the name, its length, the vector and its count. */
const MMSGHDR = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTOR_COUNT = 24;
/** `struct iovec`: address and length. */
const IOVEC = 16;

const WORD = 0x1_0000_0000;
/** Where the low word of a pointer or size is. */
const LOW = LITTLE ? 0 : 4;

/** Frames that wait to be sent. 64-bit machines, whose libc has `struct msghdr` as the kernel has it. Nothing is allocated for a frame. */
export class PacketBatch {
  readonly capacity: number;
  #count = 0;
  readonly #socket: PacketSocket;
  readonly #headers: Memory;
  readonly #vectors: Memory;
  readonly #names: Memory;
  readonly #vectorView: DataView;
  readonly #nameView: DataView;
  /** What the names say. */
  readonly #ifindexes: Int32Array;
  readonly #protocols: Uint16Array;

  constructor(socket: PacketSocket, capacity: number) {
    this.#socket = socket;
    this.capacity = capacity;
    this.#headers = new Memory(MMSGHDR * capacity);
    this.#vectors = new Memory(IOVEC * capacity);
    this.#names = new Memory(SOCKADDR_LL * capacity);
    this.#vectorView = new DataView(this.#vectors.bytes.buffer);
    this.#nameView = new DataView(this.#names.bytes.buffer);
    this.#ifindexes = new Int32Array(capacity);
    this.#protocols = new Uint16Array(capacity);
    const headers = new DataView(this.#headers.bytes.buffer);
    for (let i = 0; i < capacity; i++) {
      const at = MMSGHDR * i;
      setPointer(headers, at + NAME, this.#names.address + SOCKADDR_LL * i);
      headers.setUint32(at + NAME_LENGTH, SOCKADDR_LL, LITTLE);
      setPointer(headers, at + VECTOR, this.#vectors.address + IOVEC * i);
      setPointer(headers, at + VECTOR_COUNT, 1);
    }
  }

  /** Frames that wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a frame, whose bytes are to stay as they are until it is sent; there must be room.
   * @param protocol EtherType of what the frame carries.
   */
  add(address: number, length: number, ifindex: number, protocol: number): void {
    const i = this.#count++;
    setPointer(this.#vectorView, IOVEC * i, address);
    this.#vectorView.setUint32(IOVEC * i + 8 + LOW, length, LITTLE);
    // mostly the same again
    if (this.#ifindexes[i] === ifindex && this.#protocols[i] === protocol) return;
    this.#ifindexes[i] = ifindex;
    this.#protocols[i] = protocol;
    writeLinkAddress(this.#nameView, SOCKADDR_LL * i, ifindex, protocol);
  }

  /** Sends all that waits. @returns how many the kernel has refused (no such interface, its queue is full). */
  send(): number {
    let refused = 0;
    let done = 0;
    while (done < this.#count) {
      const n = libc.sendmmsg(this.#socket.fd, this.#headers.address + MMSGHDR * done, this.#count - done, 0);
      if (n > 0) done += n;
      else if (lastErrno() !== EINTR) {
        // the first of them
        refused++;
        done++;
      }
    }
    this.#count = 0;
    return refused;
  }
}

function setPointer(view: DataView, at: number, value: number): void {
  view.setUint32(at + LOW, value >>> 0, LITTLE);
  view.setUint32(at + 4 - LOW, Math.floor(value / WORD), LITTLE);
}
