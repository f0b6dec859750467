/** Netlink messages (netlink(7)) and their attributes: a writer, a reader and a socket. Numbers are in the machine's own byte order. */
import { endianness } from 'node:os';
import { checked, EAGAIN, ENOBUFS, lastErrno, SystemError, systemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc } from './libc.js';

export const NLM_F_REQUEST = 0x001;
export const NLM_F_ACK = 0x004;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_HEADER = 16;
const NLM_F_DUMP_INTR = 0x10;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_GET_STRICT_CHK = 12;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;

/** True on every machine that matters; netlink follows the machine. */
export const LITTLE = endianness() === 'LE';

/** Bytes of a message at most: none of ours has more. */
const MESSAGE = 512;
/** Messages sent at once, whose acknowledgements fit the socket's buffer. */
const CHUNK = 128;

/** Builds one message: a fixed part, then attributes. */
export class NetlinkWriter {
  readonly #bytes = new Uint8Array(MESSAGE);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = NLMSG_HEADER;

  /** @param fixed bytes of the fixed part (`struct rtmsg` and its like), already in the machine's order. */
  constructor(type: number, flags: number, fixed: Uint8Array) {
    this.#view.setUint16(4, type, LITTLE);
    this.#view.setUint16(6, flags | NLM_F_REQUEST, LITTLE);
    this.#bytes.set(fixed, NLMSG_HEADER);
    this.#length += align(fixed.length);
  }

  bytesAttribute(type: number, value: Uint8Array): this {
    this.#view.setUint16(this.#length, 4 + value.length, LITTLE);
    this.#view.setUint16(this.#length + 2, type, LITTLE);
    this.#bytes.set(value, this.#length + 4);
    this.#length += align(4 + value.length);
    return this;
  }

  u8(type: number, value: number): this {
    return this.bytesAttribute(type, Uint8Array.of(value));
  }

  u32(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, LITTLE);
    return this.bytesAttribute(type, bytes);
  }

  /** Two 16-bit numbers, as port ranges are. */
  u16pair(type: number, first: number, second: number): this {
    const bytes = new Uint8Array(4);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, first, LITTLE);
    view.setUint16(2, second, LITTLE);
    return this.bytesAttribute(type, bytes);
  }

  /** A text with its final 0. */
  text(type: number, value: string): this {
    return this.bytesAttribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /** Attributes inside one. */
  nested(type: number, fill: (inner: this) => void): this {
    const at = this.#length;
    this.#length += 4;
    fill(this);
    this.#view.setUint16(at, this.#length - at, LITTLE);
    this.#view.setUint16(at + 2, type, LITTLE);
    return this;
  }

  /** The message under number `sequence`; a view that the next change invalidates. */
  finish(sequence: number): Uint8Array {
    this.#view.setUint32(0, this.#length, LITTLE);
    this.#view.setUint32(8, sequence, LITTLE);
    return this.#bytes.subarray(0, this.#length);
  }
}

/** One message as it came in: `view` covers what follows the netlink header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly view: DataView;
}

/** The attributes from `offset` on, by type (nested and byte-order bits removed); the last of a type counts. */
export function attributes(view: DataView, offset: number): Map<number, DataView> {
  const found = new Map<number, DataView>();
  let at = offset;
  while (at + 4 <= view.byteLength) {
    const length = view.getUint16(at, LITTLE);
    if (length < 4 || at + length > view.byteLength) break;
    const type = view.getUint16(at + 2, LITTLE) & 0x3fff;
    found.set(type, new DataView(view.buffer, view.byteOffset + at + 4, length - 4));
    at += align(length);
  }
  return found;
}

/** The bytes of an attribute. */
export function attributeBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The text of an attribute, without its final 0. */
export function attributeText(view: DataView): string {
  return new TextDecoder().decode(attributeBytes(view)).replace(/\0.*$/s, '');
}

/** A netlink socket: requests answered at once, or notifications of groups. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer = new Uint8Array(256 * 1024);
  #sequence = 0;

  /** @param family netlink family, e.g. 0 for rtnetlink. @param groups multicast groups to join (RTNLGRP_* numbers). */
  constructor(family: number, groups: readonly number[] = []) {
    this.fd = checked(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), 'socket(AF_NETLINK)');
    // struct sockaddr_nl without a port: the kernel chooses one. Unbound, the socket would miss what the kernel itself notifies of
    const address = new Uint8Array(12);
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    checked(libc.bind(this.fd, address, address.length), 'bind(AF_NETLINK)');
    this.#option(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    // lets dumps be narrowed by the kernel; kernels before 4.20 dump all, which is only slower
    this.#option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    for (const group of groups) {
      if (!this.#option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
        throw systemError('setsockopt(NETLINK_ADD_MEMBERSHIP)');
    }
  }

  /**
   * Sends a request and collects what it is answered, up to the acknowledgement or the end of the dump. A dump that changed while it was
   * read is asked for again.
   * @param call names the request in an error.
   * @throws SystemError with the kernel's errno.
   */
  request(message: NetlinkWriter, call: string): NetlinkMessage[] {
    for (let attempt = 0; ; attempt++) {
      const { answers, interrupted } = this.#exchange(message, call);
      if (!interrupted || attempt === 5) return answers;
    }
  }

  /**
   * Sends requests that are only acknowledged, many with one system call. Each is carried out whatever becomes of the others.
   * @returns the error of each, 0 for none.
   */
  requestAll(messages: readonly NetlinkWriter[], call: string): number[] {
    const errors: number[] = [];
    for (let i = 0; i < messages.length; i += CHUNK) {
      errors.push(...this.#exchangeAll(messages.slice(i, i + CHUNK), call));
    }
    return errors;
  }

  /**
   * Notifications that have come in; never waits.
   * @returns `lost` when the kernel had to leave some out: everything must then be read anew.
   */
  notifications(): { messages: NetlinkMessage[]; lost: boolean } {
    const messages: NetlinkMessage[] = [];
    let lost = false;
    for (;;) {
      const n = libc.recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (n < 0) {
        const errno = lastErrno();
        if (errno === EAGAIN) return { messages, lost };
        if (errno !== ENOBUFS) throw new SystemError('recv(AF_NETLINK)', errno);
        lost = true;
        continue;
      }
      for (const { type, view } of parse(this.#buffer.slice(0, n))) messages.push({ type, view });
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #exchange(message: NetlinkWriter, call: string): { answers: NetlinkMessage[]; interrupted: boolean } {
    const sequence = ++this.#sequence;
    const bytes = message.finish(sequence);
    checked(libc.sendto(this.fd, bytes, bytes.length, 0, 0, 0), call);
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      const n = checked(libc.recv(this.fd, this.#buffer, this.#buffer.length, 0), `recv(${call})`);
      for (const m of parse(this.#buffer.slice(0, n))) {
        // an answer to an earlier request that failed half-way
        if (m.sequence !== sequence) continue;
        if ((m.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (m.type === NLMSG_DONE) return { answers, interrupted };
        if (m.type !== NLMSG_ERROR) {
          answers.push({ type: m.type, view: m.view });
          continue;
        }
        const errno = -m.view.getInt32(0, LITTLE);
        if (errno !== 0) throw new SystemError(call, errno);
        return { answers, interrupted };
      }
    }
  }

  #exchangeAll(messages: readonly NetlinkWriter[], call: string): number[] {
    const first = this.#sequence + 1;
    const packed = new Uint8Array(MESSAGE * messages.length);
    let length = 0;
    for (const message of messages) {
      const bytes = message.finish(++this.#sequence);
      packed.set(bytes, length);
      length += bytes.length;
    }
    checked(libc.sendto(this.fd, packed, length, 0, 0, 0), call);
    const errors = new Array<number>(messages.length).fill(0);
    for (let left = messages.length; left > 0; ) {
      const n = checked(libc.recv(this.fd, this.#buffer, this.#buffer.length, 0), `recv(${call})`);
      for (const { type, sequence, view } of parse(this.#buffer.slice(0, n))) {
        if (sequence < first || type !== NLMSG_ERROR) continue;
        errors[sequence - first] = -view.getInt32(0, LITTLE);
        left--;
      }
    }
    return errors;
  }

  #option(level: number, name: number, value: number): boolean {
    return libc.setsockopt(this.fd, level, name, Int32Array.of(value), 4) === 0;
  }
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function* parse(bytes: Uint8Array): Generator<NetlinkMessage & { sequence: number; flags: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + NLMSG_HEADER <= bytes.length) {
    const length = view.getUint32(at, LITTLE);
    if (length < NLMSG_HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, LITTLE),
      flags: view.getUint16(at + 6, LITTLE),
      sequence: view.getUint32(at + 8, LITTLE),
      view: new DataView(bytes.buffer, bytes.byteOffset + at + NLMSG_HEADER, length - NLMSG_HEADER),
    };
    at += align(length);
  }
}
