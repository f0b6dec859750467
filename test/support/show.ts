/** One line of text about a packet, for people who read a failed test. */
import { AF_INET6, inetFromBytes, inetToString } from '../../src/wire/inet.js';
import { hex, viewOf } from './bytes.js';
import { csum, GRE, ICMP, ICMP6, IP6IP, IPIP, SCTP, TCP, UDP } from './packets.js';

const TCP_FLAGS = 'FSRPAUEC';
/** ICMP types that quote a packet. */
const QUOTING = new Set([3, 4, 5, 11, 12]);

/** Describes any bytes as an IP packet: addresses, ports, protocol, flags, and what is inside a tunnel or an ICMP error. */
export function show(packet: Uint8Array): string {
  if (packet.length < 20) return `short ${hex(packet)}`;
  const v = viewOf(packet);
  if (packet[0]! >> 4 === 6) {
    if (packet.length < 40) return `short ${hex(packet)}`;
    return describe(ip6Text(packet, 8), ip6Text(packet, 24), packet[6]!, packet[7]!, '', packet.subarray(40));
  }
  const hlen = (packet[0]! & 15) * 4;
  const word = v.getUint16(6);
  const source = packet.subarray(12, 16).join('.');
  const destination = packet.subarray(16, 20).join('.');
  let notes = (word & 0x4000) !== 0 ? ' DF' : '';
  if ((word & 0x3fff) !== 0) notes += ` frag off=${(word & 0x1fff) * 8}${(word & 0x2000) !== 0 ? '+' : ''}`;
  if (csum(packet.subarray(0, hlen)) !== 0) notes += ' BAD-IP-CSUM';
  const payload = (word & 0x1fff) !== 0 ? new Uint8Array(0) : packet.subarray(hlen);
  return describe(source, destination, packet[9]!, packet[8]!, notes, payload);
}

function describe(
  source: string,
  destination: string,
  protocol: number,
  ttl: number,
  notes: string,
  b: Uint8Array,
): string {
  const v = viewOf(b);
  let from = source;
  let to = destination;
  if ((protocol === TCP || protocol === UDP || protocol === SCTP) && b.length >= 4) {
    from += `.${v.getUint16(0)}`;
    to += `.${v.getUint16(2)}`;
  }
  return `${from} > ${to} p${protocol} ttl=${ttl}${notes}${upper(protocol, b, v)}`;
}

function upper(protocol: number, b: Uint8Array, v: DataView): string {
  if (protocol === TCP && b.length >= 20) {
    const flags = [...TCP_FLAGS].filter((_, i) => (b[13]! >> i) & 1).join('');
    return ` [${flags}] seq=${v.getUint32(4)} ack=${v.getUint32(8)} len=${b.length - (b[12]! >> 4) * 4}`;
  }
  if (protocol === UDP && b.length >= 8) return ` udp len=${v.getUint16(4)} csum=${hex(b.subarray(6, 8))}`;
  if (protocol === SCTP && b.length >= 13) return ` sctp chunk=${b[12]}`;
  if ((protocol === ICMP || protocol === ICMP6) && b.length >= 8) {
    const quotes = protocol === ICMP ? QUOTING.has(b[0]!) : b[0]! < 128;
    const inner = quotes ? ` {${show(b.subarray(8))}}` : '';
    return ` ${protocol === ICMP ? 'icmp' : 'icmp6'} ${b[0]}/${b[1]} ${hex(b.subarray(4, 8))}${inner}`;
  }
  if (protocol === IPIP || protocol === IP6IP) return ` {${show(b)}}`;
  if (protocol === GRE) return ` gre ${hex(b.subarray(0, 8))}`;
  return '';
}

function ip6Text(packet: Uint8Array, at: number): string {
  return inetToString(inetFromBytes(AF_INET6, packet, at));
}
