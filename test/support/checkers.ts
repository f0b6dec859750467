/**
 * Checks of emitted packets, put together from small ones: `checkIPv4(bytes, [ttl(63), dst('10.2.0.11'), tcp([dport(80)])])`.
 * Every header on the way is checked for sound lengths and checksums without being asked.
 */
import assert from 'node:assert/strict';
import { concat, hex, viewOf } from './bytes.js';
import { addr, crc32c, csum, ICMP, ICMP6, pseudo, SCTP, TCP, UDP } from './packets.js';
import { show } from './show.js';

/** A packet taken apart, as far as its IP header goes. */
export interface Parsed {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly v6: boolean;
  readonly protocol: number;
  /** Offset of the transport header. */
  readonly transport: number;
}

/** Checks one thing about a packet, and throws an assertion error that shows it. */
export type Check = (p: Parsed) => void;

/** Checks an IPv4 packet: version, lengths and header checksum, then what is asked for. */
export function checkIPv4(bytes: Uint8Array, checks: readonly Check[] = []): void {
  const view = viewOf(bytes);
  const hlen = (bytes[0]! & 15) * 4;
  assert.equal(bytes[0]! >> 4, 4, `no IPv4: ${hex(bytes)}`);
  assert.ok(hlen >= 20 && hlen <= bytes.length, `header length of ${show(bytes)}`);
  assert.equal(view.getUint16(2), bytes.length, `total length of ${show(bytes)}`);
  assert.equal(csum(bytes.subarray(0, hlen)), 0, `header checksum of ${show(bytes)}`);
  const p = { bytes, view, v6: false, protocol: bytes[9]!, transport: hlen };
  for (const check of checks) check(p);
}

/** Checks an IPv6 packet: version and length, then what is asked for. Extension headers count as the transport header. */
export function checkIPv6(bytes: Uint8Array, checks: readonly Check[] = []): void {
  const view = viewOf(bytes);
  assert.equal(bytes[0]! >> 4, 6, `no IPv6: ${hex(bytes)}`);
  assert.equal(40 + view.getUint16(4), bytes.length, `payload length of ${show(bytes)}`);
  const p = { bytes, view, v6: true, protocol: bytes[6]!, transport: 40 };
  for (const check of checks) check(p);
}

/** Checks a packet of either family. */
export function checkIP(bytes: Uint8Array, checks: readonly Check[] = []): void {
  if (bytes[0]! >> 4 === 6) checkIPv6(bytes, checks);
  else checkIPv4(bytes, checks);
}

function field(name: string, read: (p: Parsed) => number): (expected: number) => Check {
  return (expected) => (p) => assert.equal(read(p), expected, `${name} of ${show(p.bytes)}`);
}

/** TTL or hop limit. */
export const ttl = field('ttl', (p) => p.bytes[p.v6 ? 7 : 8]!);
/** Type of service or traffic class. */
export const tos = field('tos', (p) => (p.v6 ? (p.view.getUint16(0) >> 4) & 255 : p.bytes[1]!));
/** IPv4 identification. */
export const id = field('id', (p) => p.view.getUint16(4));
/** IPv4 flags and fragment offset, the whole word. */
export const fragOff = field('fragment word', (p) => p.view.getUint16(6));
/** Protocol or next header. */
export const protocol = field('protocol', (p) => p.protocol);
/** Length of the whole packet. */
export const length = field('length', (p) => p.bytes.length);
/** Source port of TCP, UDP or SCTP. */
export const sport = field('source port', (p) => p.view.getUint16(p.transport));
/** Destination port of TCP, UDP or SCTP. */
export const dport = field('destination port', (p) => p.view.getUint16(p.transport + 2));
/** TCP sequence number. */
export const seq = field('sequence number', (p) => p.view.getUint32(p.transport + 4));
/** TCP acknowledgement number. */
export const ack = field('acknowledgement number', (p) => p.view.getUint32(p.transport + 8));
/** TCP flags, the whole octet. */
export const flags = field('TCP flags', (p) => p.bytes[p.transport + 13]!);

/** Source address. */
export function src(text: string): Check {
  return (p) => {
    const at = p.v6 ? 8 : 12;
    assert.deepEqual(
      p.bytes.subarray(at, at + (p.v6 ? 16 : 4)),
      addr(text),
      `source ${text} of ${show(p.bytes)}`,
    );
  };
}

/** Destination address. */
export function dst(text: string): Check {
  return (p) => {
    const [at, end] = p.v6 ? [24, 40] : [16, 20];
    assert.deepEqual(p.bytes.subarray(at, end), addr(text), `destination ${text} of ${show(p.bytes)}`);
  };
}

/** A TCP segment with a right checksum. */
export function tcp(checks: readonly Check[] = []): Check {
  return transport(TCP, 'TCP', (p) => checkSum(p, TCP), checks);
}

/** A UDP datagram with a right length and checksum, or none. */
export function udp(checks: readonly Check[] = []): Check {
  const whole = (p: Parsed) => {
    assert.equal(
      p.view.getUint16(p.transport + 4),
      p.bytes.length - p.transport,
      `UDP length of ${show(p.bytes)}`,
    );
    if (p.view.getUint16(p.transport + 6) !== 0) checkSum(p, UDP);
  };
  return transport(UDP, 'UDP', whole, checks);
}

/** An SCTP packet with a right CRC32c. */
export function sctp(checks: readonly Check[] = []): Check {
  const whole = (p: Parsed) => {
    const packet = p.bytes.slice(p.transport);
    packet.fill(0, 8, 12);
    assert.equal(p.view.getUint32(p.transport + 8, true), crc32c(packet), `CRC of ${show(p.bytes)}`);
  };
  return transport(SCTP, 'SCTP', whole, checks);
}

/** An ICMP or ICMPv6 message of that type and code, with a right checksum. */
export function icmp(type: number, code: number, checks: readonly Check[] = []): Check {
  return (p) => {
    assert.equal(p.protocol, p.v6 ? ICMP6 : ICMP, `no ICMP: ${show(p.bytes)}`);
    const message = p.bytes.subarray(p.transport);
    if (p.v6) checkSum(p, ICMP6);
    else assert.equal(csum(message), 0, `ICMP checksum of ${show(p.bytes)}`);
    assert.deepEqual([message[0], message[1]], [type, code], `ICMP type and code of ${show(p.bytes)}`);
    for (const check of checks) check(p);
  };
}

/** ICMP: the word after the checksum. */
export const icmpInfo = field('ICMP rest of header', (p) => p.view.getUint32(p.transport + 4));

/** ICMP: the packet quoted, or its beginning. */
export function quotes(about: Uint8Array): Check {
  return (p) => {
    const quoted = p.bytes.subarray(p.transport + 8);
    assert.equal(hex(quoted), hex(about.subarray(0, quoted.length)), `quoted in ${show(p.bytes)}`);
  };
}

/** The bytes behind a transport header of `header` bytes. */
export function payload(expected: Uint8Array, header = 8): Check {
  return (p) =>
    assert.equal(hex(p.bytes.subarray(p.transport + header)), hex(expected), `payload of ${show(p.bytes)}`);
}

/** A tunnel: the packet inside begins `skip` bytes behind the IP header. */
export function inner(checks: readonly Check[], skip = 0): Check {
  return (p) => checkIP(p.bytes.subarray(p.transport + skip), checks);
}

function transport(number: number, name: string, whole: Check, checks: readonly Check[]): Check {
  return (p) => {
    assert.equal(p.protocol, number, `no ${name}: ${show(p.bytes)}`);
    whole(p);
    for (const check of checks) check(p);
  };
}

function checkSum(p: Parsed, number: number): void {
  const segment = p.bytes.subarray(p.transport);
  const ends = p.v6 ? p.bytes.subarray(8, 40) : p.bytes.subarray(12, 20);
  const text = (bytes: Uint8Array) => (p.v6 ? hex(bytes).replace(/(....)(?!$)/g, '$1:') : bytes.join('.'));
  const half = ends.length / 2;
  const head = pseudo(text(ends.subarray(0, half)), text(ends.subarray(half)), number, segment.length);
  assert.equal(csum(concat(head, segment)), 0, `checksum of ${show(p.bytes)}`);
}
