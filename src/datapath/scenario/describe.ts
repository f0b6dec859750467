/** A packet in one line, for people. Reads whatever it is handed: short and malformed packets too. */
import { checksum } from '../../wire/checksum.js';
import { AF_INET, AF_INET6, inetFromBytes, inetToString } from '../../wire/inet.js';
import { type Ipv6Walk, ipv6Walk } from '../../wire/ipv6.js';

const FLAGS = 'FSRPAUEC';
/** Protocols in words. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  41: 'ip6',
  47: 'gre',
  58: 'icmp6',
  132: 'sctp',
};
const MOST_INNER = 3;

/** The upper layer of a packet. */
interface Upper {
  readonly view: DataView;
  readonly at: number;
  readonly end: number;
  readonly depth: number;
}

/** `SOURCE > DESTINATION PROTOCOL ...`. */
export function describePacket(bytes: Uint8Array, depth = 0): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 1) return 'nothing';
  if (bytes[0]! >>> 4 === 6) return describe6(bytes, view, depth);
  return describe4(bytes, view, depth);
}

function describe4(bytes: Uint8Array, view: DataView, depth: number): string {
  if (bytes.length < 20) return `${bytes.length} bytes of IPv4`;
  const header = (bytes[0]! & 15) * 4;
  const word = view.getUint16(6);
  const offset = (word & 0x1fff) * 8;
  let extra = ` ttl=${bytes[8]}`;
  if ((word & 0x3fff) !== 0) extra += ` frag=${offset}${(word & 0x2000) !== 0 ? '+' : ''}`;
  if (header < 20 || header > bytes.length) extra += ' bad header length';
  else if (checksum(view, 0, header) !== 0) extra += ' bad IP checksum';
  const upper = { view, at: header, end: bytes.length, depth };
  const source = inetToString(inetFromBytes(AF_INET, bytes, 12));
  const daddr = inetToString(inetFromBytes(AF_INET, bytes, 16));
  return line(source, daddr, bytes[9]!, offset === 0 ? upper : undefined, extra);
}

function describe6(bytes: Uint8Array, view: DataView, depth: number): string {
  if (bytes.length < 40) return `${bytes.length} bytes of IPv6`;
  const walk: Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };
  const whole = ipv6Walk(view, 0, bytes.length, walk);
  let extra = ` hlim=${bytes[7]}`;
  if (!whole) extra += ' bad extension header';
  else if (walk.fragment !== 0) {
    extra += ` frag=${walk.fragoffs}${(view.getUint16(walk.fragment + 2) & 1) !== 0 ? '+' : ''}`;
  }
  const upper = { view, at: walk.offset, end: bytes.length, depth };
  const source = inetToString(inetFromBytes(AF_INET6, bytes, 8));
  const daddr = inetToString(inetFromBytes(AF_INET6, bytes, 24));
  const known = whole && walk.fragoffs === 0;
  return line(source, daddr, whole ? walk.protocol : bytes[6]!, known ? upper : undefined, extra);
}

function line(
  source: string,
  daddr: string,
  protocol: number,
  upper: Upper | undefined,
  extra: string,
): string {
  const name = NAMES[protocol] ?? `protocol ${protocol}`;
  const ports = upper !== undefined && [6, 17, 132].includes(protocol) && upper.at + 4 <= upper.end;
  const port = (at: number): string => (ports ? `.${upper.view.getUint16(upper.at + at)}` : '');
  const rest = upper === undefined ? '' : describeUpper(protocol, upper);
  return `${source}${port(0)} > ${daddr}${port(2)} ${name}${extra}${rest}`;
}

function describeUpper(protocol: number, { view, at, end, depth }: Upper): string {
  const inner = (from: number): string =>
    from < end && depth < MOST_INNER
      ? ` {${describePacket(new Uint8Array(view.buffer, view.byteOffset + from, end - from), depth + 1)}}`
      : '';
  if (protocol === 4 || protocol === 41) return inner(at);
  if (at + 8 > end) return '';
  if (protocol === 6 && at + 20 <= end) {
    const bits = view.getUint8(at + 13);
    const flags = [...FLAGS].filter((_, i) => (bits >>> i) & 1).join('');
    const length = end - at - (view.getUint8(at + 12) >>> 4) * 4;
    return ` [${flags}] seq=${view.getUint32(at + 4)} ack=${view.getUint32(at + 8)} len=${length}`;
  }
  if (protocol === 17) return ` len=${view.getUint16(at + 4)} csum=${hex(view.getUint16(at + 6), 4)}`;
  if (protocol !== 1 && protocol !== 58) return '';
  const type = view.getUint8(at);
  const error = protocol === 1 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
  return ` ${type}/${view.getUint8(at + 1)} ${hex(view.getUint32(at + 4), 8)}${error ? inner(at + 8) : ''}`;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
