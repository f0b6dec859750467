/** Capture files: pcap (draft-ietf-opsawg-pcap) and pcap-ng (draft-ietf-opsawg-pcapng). Reads the IP packets of both, writes pcap-ng. */

/** One captured IP packet. */
export interface Captured {
  /** Its number in the file, from 1; frames that hold no IP packet count, too. */
  readonly number: number;
  /** From the IP header on; a view into the file. Cut where the capture was. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire were more than were captured. */
  readonly cut: boolean;
}

/** Link types (www.tcpdump.org/linktypes.html). */
const NULL = 0;
const ETHERNET = 1;
const RAW = 101;
const LOOP = 108;
const LINUX_SLL = 113;
const IPV4 = 228;
const IPV6 = 229;
const LINUX_SLL2 = 276;

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;

const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const SIMPLE = 3;
const ENHANCED = 6;

/** What is no capture file, or damaged. */
export class CaptureError extends Error {}

/** The IP packets of a capture file, in order. Throws {@link CaptureError} where the file cannot be read. */
export function* readCapture(file: Uint8Array): Generator<Captured> {
  const v = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 24) throw new CaptureError('too short for a capture file');
  if (v.getUint32(0) === SECTION) {
    yield* readPcapNg(file, v);
    return;
  }
  for (const little of [true, false]) {
    const magic = v.getUint32(0, little);
    if (magic !== PCAP_MICROSECONDS && magic !== PCAP_NANOSECONDS) continue;
    yield* readPcap(file, v, little);
    return;
  }
  throw new CaptureError('neither a pcap nor a pcap-ng file');
}

function* readPcap(file: Uint8Array, v: DataView, little: boolean): Generator<Captured> {
  const link = v.getUint32(20, little) & 0xffff;
  let number = 0;
  for (let at = 24; at < file.length; ) {
    if (at + 16 > file.length) throw new CaptureError(`cut in the header of packet ${number + 1}`);
    const captured = v.getUint32(at + 8, little);
    const original = v.getUint32(at + 12, little);
    at += 16;
    number++;
    if (at + captured > file.length) throw new CaptureError(`cut in packet ${number}`);
    const bytes = ipPacket(link, file.subarray(at, at + captured));
    if (bytes !== undefined) yield { number, bytes, cut: original > captured };
    at += captured;
  }
}

function* readPcapNg(file: Uint8Array, v: DataView): Generator<Captured> {
  let little = true;
  let links: number[] = [];
  let number = 0;
  for (let at = 0; at < file.length; ) {
    if (at + 12 > file.length) throw new CaptureError('cut in the header of a block');
    const type = v.getUint32(at, little);
    // a section's own byte order is told inside it
    if (type === SECTION) {
      little = v.getUint32(at + 8, true) === BYTE_ORDER;
      if (!little && v.getUint32(at + 8) !== BYTE_ORDER)
        throw new CaptureError('a section without byte order');
      links = [];
    }
    const length = v.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || at + length > file.length)
      throw new CaptureError('a block of a wrong length');
    const body = at + 8;
    const room = length - 12;
    if (type === INTERFACE && room >= 8) links.push(v.getUint16(body, little));
    else if (type === ENHANCED && room >= 20) {
      const link = links[v.getUint32(body, little)];
      const captured = v.getUint32(body + 12, little);
      const original = v.getUint32(body + 16, little);
      number++;
      if (link === undefined || captured > room - 20) throw new CaptureError(`packet ${number} is damaged`);
      const bytes = ipPacket(link, file.subarray(body + 20, body + 20 + captured));
      if (bytes !== undefined) yield { number, bytes, cut: original > captured };
    } else if (type === SIMPLE && room >= 4) {
      const original = v.getUint32(body, little);
      const captured = Math.min(original, room - 4);
      number++;
      if (links[0] === undefined) throw new CaptureError(`packet ${number} has no interface`);
      const bytes = ipPacket(links[0], file.subarray(body + 4, body + 4 + captured));
      if (bytes !== undefined) yield { number, bytes, cut: original > captured };
    }
    at += length;
  }
}

/** The IP packet in a frame, without what a short frame is padded with; undefined when there is none. */
function ipPacket(link: number, frame: Uint8Array): Uint8Array | undefined {
  const at = networkOffset(link, frame);
  if (at < 0 || at >= frame.length) return undefined;
  const packet = frame.subarray(at);
  const version = packet[0]! >>> 4;
  if (version === 4 && packet.length >= 20) {
    const total = (packet[2]! << 8) | packet[3]!;
    // 0 is what a card is given that cuts a large packet itself
    return total === 0 ? packet : packet.subarray(0, total);
  }
  if (version === 6 && packet.length >= 40) return packet.subarray(0, 40 + ((packet[4]! << 8) | packet[5]!));
  return undefined;
}

/** Where the IP header begins in a frame; -1 when it holds something else. */
function networkOffset(link: number, frame: Uint8Array): number {
  const word = (at: number): number => (at + 2 <= frame.length ? (frame[at]! << 8) | frame[at + 1]! : -1);
  const afterType = (at: number): number => {
    let offset = at;
    while (word(offset) === ETH_P_8021Q || word(offset) === ETH_P_8021AD) offset += 4;
    return word(offset) === ETH_P_IP || word(offset) === ETH_P_IPV6 ? offset + 2 : -1;
  };
  switch (link) {
    case ETHERNET:
      return afterType(12);
    case LINUX_SLL:
      return afterType(14);
    case LINUX_SLL2:
      return word(0) === ETH_P_IP || word(0) === ETH_P_IPV6 ? 20 : -1;
    case NULL:
    case LOOP:
      return 4;
    case RAW:
    case IPV4:
    case IPV6:
      return 0;
    default:
      return -1;
  }
}

const text = new TextEncoder();

/** Blocks of a pcap-ng file of IP packets, one after the other. */
export const pcapNg = {
  /** The file's beginning: a section and its only interface. @param application what has written it. */
  header(application: string): Uint8Array {
    const section = new Uint8Array(16);
    const v = new DataView(section.buffer);
    v.setUint32(0, BYTE_ORDER, true);
    v.setUint16(4, 1, true);
    // the section's length is not told
    v.setBigInt64(8, -1n, true);
    const link = new Uint8Array(8);
    new DataView(link.buffer).setUint16(0, RAW, true);
    return join([
      block(SECTION, [section, option(4, application), END]),
      block(INTERFACE, [link, option(2, 'ipvsd'), END]),
    ]);
  },

  /**
   * One packet.
   * @param time microseconds since 1970. @param comment any text, shortened to what an option holds.
   * @param length bytes on the wire.
   */
  packet(bytes: Uint8Array, time: number, comment: string, length: number = bytes.length): Uint8Array {
    const head = new Uint8Array(20);
    const v = new DataView(head.buffer);
    v.setUint32(4, Math.floor(time / 2 ** 32), true);
    v.setUint32(8, time % 2 ** 32, true);
    v.setUint32(12, bytes.length, true);
    v.setUint32(16, length, true);
    return block(ENHANCED, [head, padded(bytes), option(1, comment), END]);
  },
};

const END = new Uint8Array(4);
const OPTION_MAX = 0xffff;

function option(code: number, value: string): Uint8Array {
  let bytes = text.encode(value);
  if (bytes.length > OPTION_MAX) {
    let end = OPTION_MAX;
    // not in the middle of a character
    while ((bytes[end]! & 0xc0) === 0x80) end--;
    bytes = bytes.subarray(0, end);
  }
  const head = new Uint8Array(4);
  const v = new DataView(head.buffer);
  v.setUint16(0, code, true);
  v.setUint16(2, bytes.length, true);
  return join([head, padded(bytes)]);
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = join(parts);
  const out = new Uint8Array(12 + body.length);
  const v = new DataView(out.buffer);
  v.setUint32(0, type, true);
  v.setUint32(4, out.length, true);
  out.set(body, 8);
  v.setUint32(8 + body.length, out.length, true);
  return out;
}

function padded(bytes: Uint8Array): Uint8Array {
  return join([bytes, new Uint8Array(-bytes.length & 3)]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
