/** Netlink messages (netlink(7)) and their attributes: a writer and a reader. Numbers are in the machine's own byte order. */

export const NLM_F_REQUEST = 0x001;
export const NLM_F_MULTI = 0x002;
export const NLM_F_ACK = 0x004;
export const NLM_F_ECHO = 0x008;
export const NLM_F_DUMP_INTR = 0x010;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Of an acknowledgement: the request is not repeated in it. */
export const NLM_F_CAPPED = 0x100;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** Types below are of netlink itself. */
export const NLMSG_MIN_TYPE = 16;
/** Bytes of `struct nlmsghdr`: length u32, type u16, flags u16, sequence u32, port u32. */
export const NLMSG_HEADER = 16;
/** Bytes of `struct nlattr`. */
export const NLA_HEADER = 4;
const NLA_TYPE_MASK = 0x3fff;

/** True on every machine that matters; netlink follows the machine. */
export const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Bytes that a message has room for at first. */
const FIRST_ROOM = 512;

/** Builds one message: a fixed part, then attributes. */
export class NetlinkWriter {
  #bytes = new Uint8Array(FIRST_ROOM);
  #view = new DataView(this.#bytes.buffer);
  #length = NLMSG_HEADER;

  /** @param fixed bytes of the fixed part (`struct rtmsg` and its like), already in the machine's order. */
  constructor(type: number, flags: number, fixed: Uint8Array) {
    this.#view.setUint16(4, type, LITTLE);
    this.#view.setUint16(6, flags, LITTLE);
    this.#take(fixed.length);
    this.#bytes.set(fixed, NLMSG_HEADER);
  }

  bytesAttribute(type: number, value: Uint8Array): this {
    this.#attribute(type, value.length);
    this.#bytes.set(value, this.#length - align(value.length));
    return this;
  }

  u8(type: number, value: number): this {
    this.#view.setUint8(this.#attribute(type, 1), value);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, LITTLE);
    return this;
  }

  /** A number in network byte order. */
  be16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, LITTLE);
    return this;
  }

  /** A number in network byte order. */
  be32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value);
    return this;
  }

  /**
   * A number that lies at a multiple of eight.
   * @param value a whole number below 2^53. @param pad type of the empty attribute that makes room where that is needed.
   */
  u64(type: number, value: number, pad: number): this {
    if ((this.#length + NLA_HEADER) % 8 !== 0) this.#attribute(pad, 0);
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, BigInt(value), LITTLE);
    return this;
  }

  /** Two 16-bit numbers, as port ranges are. */
  u16pair(type: number, first: number, second: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint16(at, first, LITTLE);
    this.#view.setUint16(at + 2, second, LITTLE);
    return this;
  }

  /** A text with its final 0. */
  text(type: number, value: string): this {
    return this.bytesAttribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /** Attributes inside one. */
  nested(type: number, fill: (inner: this) => void): this {
    const at = this.#attribute(type, 0) - NLA_HEADER;
    fill(this);
    this.#view.setUint16(at, this.#length - at, LITTLE);
    return this;
  }

  /** The message under number `sequence`, for or from port `port`; a view that the next change invalidates. */
  finish(sequence: number, port = 0): Uint8Array {
    this.#view.setUint32(0, this.#length, LITTLE);
    this.#view.setUint32(8, sequence, LITTLE);
    this.#view.setUint32(12, port, LITTLE);
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes an attribute with room for `length` bytes. @returns where they begin. */
  #attribute(type: number, length: number): number {
    const at = this.#take(NLA_HEADER + length);
    this.#view.setUint16(at, NLA_HEADER + length, LITTLE);
    this.#view.setUint16(at + 2, type, LITTLE);
    return at + NLA_HEADER;
  }

  /** Takes `length` bytes, filled up to a multiple of four. @returns where they begin. */
  #take(length: number): number {
    const at = this.#length;
    this.#length += align(length);
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** One message as it came in: `view` covers what follows the netlink header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly view: DataView;
}

/** One message with its header. */
export interface WholeMessage extends NetlinkMessage {
  readonly flags: number;
  readonly sequence: number;
  /** Header and all. */
  readonly bytes: Uint8Array;
}

/** The messages in what was received at once; what is cut off at the end is left out, as in the kernel. */
export function* netlinkMessages(bytes: Uint8Array): Generator<WholeMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + NLMSG_HEADER <= bytes.length) {
    const length = view.getUint32(at, LITTLE);
    if (length < NLMSG_HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, LITTLE),
      flags: view.getUint16(at + 6, LITTLE),
      sequence: view.getUint32(at + 8, LITTLE),
      bytes: bytes.subarray(at, at + length),
      view: new DataView(bytes.buffer, bytes.byteOffset + at + NLMSG_HEADER, length - NLMSG_HEADER),
    };
    at += align(length);
  }
}

/** The attributes from `offset` on, by type (nested and byte-order bits removed); the last of a type counts. */
export function attributes(view: DataView, offset: number): Map<number, DataView> {
  return new Map(eachAttribute(view, offset));
}

/** The attributes from `offset` on, in order, up to the first that cannot be one. */
export function* eachAttribute(view: DataView, offset: number): Generator<[type: number, value: DataView]> {
  let at = offset;
  while (at + NLA_HEADER <= view.byteLength) {
    const length = view.getUint16(at, LITTLE);
    if (length < NLA_HEADER || at + length > view.byteLength) break;
    const type = view.getUint16(at + 2, LITTLE) & NLA_TYPE_MASK;
    yield [type, new DataView(view.buffer, view.byteOffset + at + NLA_HEADER, length - NLA_HEADER)];
    at += align(length);
  }
}

/** The bytes of an attribute. */
export function attributeBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The text of an attribute, without its final 0. */
export function attributeText(view: DataView): string {
  return new TextDecoder().decode(attributeBytes(view)).replace(/\0.*$/s, '');
}

function align(length: number): number {
  return (length + 3) & ~3;
}
