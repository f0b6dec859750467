/** What sendto, sendmsg, write, recvfrom and recvmsg have in common: pieces of memory, and the address of the other side. */
import { constants } from 'node:os';
import { SystemError } from '../linux/errno.js';
import { LITTLE } from '../wire/netlink.js';
import { type Call, MOST } from './call.js';

/** `struct msghdr` of 64-bit machines. */
const MSGHDR = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  controlLength: 40,
  flags: 48,
  size: 56,
} as const;
/** Bytes of `struct iovec`. */
const IOVEC = 16;
const IOV_MAX = 1024;

interface Piece {
  readonly address: number;
  readonly length: number;
}

/** The parts of such a call. */
export class MessageHeader {
  readonly #pieces: readonly Piece[];
  /** Where the caller keeps `struct msghdr`, or the address's length; 0 when it has neither. */
  readonly #at: number;
  readonly #isMsghdr: boolean;
  /** Where the other side's address is, or is to be written; 0 for nowhere. */
  readonly name: number;
  /** Bytes of that address, or of the room for it. */
  readonly nameLength: number;
  readonly flags: number;

  private constructor(
    pieces: readonly Piece[],
    at: number,
    isMsghdr: boolean,
    name: number,
    nameLength: number,
    flags: number,
  ) {
    this.#pieces = pieces;
    this.#at = at;
    this.#isMsghdr = isMsghdr;
    this.name = name;
    this.nameLength = nameLength;
    this.flags = flags;
  }

  /** Reads the arguments of a call. @throws SystemError */
  static ofCall(call: Call): MessageHeader {
    const buffer = [{ address: call.word(1), length: call.word(2) }];
    switch (call.name) {
      case 'write':
        return new MessageHeader(buffer, 0, false, 0, 0, 0);
      case 'sendto':
        return new MessageHeader(buffer, 0, false, call.word(4), call.int(5), call.int(3));
      case 'recvfrom': {
        const [name, at] = [call.word(4), call.word(5)];
        const room = name === 0 ? 0 : call.view(at, 4).getInt32(0, LITTLE);
        return new MessageHeader(buffer, at, false, name, room, call.int(3));
      }
      default: {
        const at = call.word(1);
        const view = call.view(at, MSGHDR.size);
        const count = wordAt(view, MSGHDR.iovLength);
        if (count > IOV_MAX) throw new SystemError('iovec', constants.errno.EMSGSIZE);
        const iov = call.view(wordAt(view, MSGHDR.iov), count * IOVEC);
        const pieces = Array.from({ length: count }, (_, i) => ({
          address: wordAt(iov, IOVEC * i),
          length: wordAt(iov, IOVEC * i + 8),
        }));
        const nameLength = view.getInt32(MSGHDR.nameLength, LITTLE);
        return new MessageHeader(pieces, at, true, wordAt(view, MSGHDR.name), nameLength, call.int(2));
      }
    }
  }

  /** Bytes in all pieces. */
  get length(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** What is in the pieces, which may all be the same memory. @throws SystemError with EMSGSIZE when it is more than a program may hand over */
  gather(call: Call): Uint8Array {
    if (this.length > MOST) throw new SystemError('sendmsg', constants.errno.EMSGSIZE);
    return Buffer.concat(this.#pieces.map(({ address, length }) => call.read(address, length)));
  }

  /** Fills the pieces, as far as `bytes` go. */
  scatter(call: Call, bytes: Uint8Array): void {
    let at = 0;
    for (const { address, length } of this.#pieces) {
      call.write(address, bytes.subarray(at, at + length));
      at += length;
    }
  }

  /** Tells a receiver who sent what it got, and how it came. @param flags MSG_TRUNC */
  writeSender(call: Call, address: Uint8Array, flags: number): void {
    if (this.name !== 0) call.write(this.name, address.subarray(0, Math.max(0, this.nameLength)));
    if (this.#isMsghdr) {
      call.writeInt(this.#at + MSGHDR.nameLength, this.name === 0 ? 0 : address.length);
      call.write(this.#at + MSGHDR.controlLength, new Uint8Array(8));
      call.writeInt(this.#at + MSGHDR.flags, flags);
    } else if (this.name !== 0 && this.#at !== 0) {
      call.writeInt(this.#at, address.length);
    }
  }
}

function wordAt(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, LITTLE));
}
