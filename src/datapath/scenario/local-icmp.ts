/** ICMP and ICMPv6 at the host: errors it sends, echo requests it answers, errors it takes note of. */
import {
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_HEADER,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
} from '../../wire/icmp.js';
import { buildIcmpError } from '../../wire/icmp-error.js';
import { AF_INET, AF_INET6, type InetAddr, inet4, inetEqual, inetFromBytes } from '../../wire/inet.js';
import { IPV4_MIN, ipv4HeaderLength, ipv4Tos } from '../../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_HEADER, IPV6_SOURCE, ipv6TrafficClass } from '../../wire/ipv6.js';
import { CHECKSUM_NONE, HEADROOM, Packet } from '../../wire/packet.js';
import { buildPacket, transportSum } from './build.js';
import { echoOptions, wayBack } from './echo-options.js';
import { HOP_LIMIT } from './host-sysctls.js';
import { compileOptions, type IpOptions } from './ip-options.js';
import { sendLocal } from './output.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPPROTO_ICMP = 1;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const ICMP_TIMESTAMP = 13;
const ICMP_TIMESTAMPREPLY = 14;
/** Longest error, all headers included. */
const ERROR_ROOM = 1280;

/**
 * Sends an ICMP or ICMPv6 error about `p` to its source, unless the rules forbid it.
 * @param arrival how `p` came; undefined for a packet that this host was about to send.
 */
export function icmpError(
  host: SimHost,
  p: Packet,
  type: number,
  code: number,
  info: number,
  arrival?: Arrival,
): void {
  if (p.view.getUint8(p.data) >>> 4 === 6) error6(host, p, type, code, info, arrival);
  else error4(host, p, type, code, info, arrival);
}

/** Reads and fills in the options of an IPv4 packet. @param local it is for this host. */
export function fillOptions(host: SimHost, p: Packet, local: boolean): IpOptions {
  const from = inetFromBytes(AF_INET, p.bytes, p.data + 12);
  const to = inetFromBytes(AF_INET, p.bytes, p.data + 16);
  const back = host.config.fib.lookup(from);
  const own = local ? to : ((back && host.config.sourceFor(back, from)) ?? to);
  return compileOptions(p, host.optionSource(own.words[0]!));
}

/** Says that a host is not reached (`ipv4_link_failure`): options of the packet are read, and filled in, once more. */
export function hostUnreachable4(host: SimHost, p: Packet, arrival?: Arrival): void {
  if (arrival === undefined || ipv4HeaderLength(p.view, p.data) === IPV4_MIN) {
    icmpError(host, p, 3, 1, 0, arrival);
    return;
  }
  const options = fillOptions(host, p, arrival.local);
  if (options.fault === 0) icmpError(host, p, 3, 1, 0, { ...arrival, options });
}

function error4(host: SimHost, p: Packet, type: number, code: number, info: number, arrival?: Arrival): void {
  const from = inetFromBytes(AF_INET, p.bytes, p.data + 12);
  const to = inetFromBytes(AF_INET, p.bytes, p.data + 16);
  const destination = host.addrType(to);
  if (destination === 'broadcast' || destination === 'multicast') return;
  // what was for this host is answered from where it was sent to, all else from where the answer leaves
  const local = arrival === undefined ? destination === 'local' : arrival.local;
  const hop = arrival?.options && wayBack(p, arrival.options, from.words[0]!)?.hop;
  const daddr = hop === undefined ? from : inet4(hop);
  const source = local ? to : host.route(daddr)?.source;
  if (source === undefined) return;
  const id = host.ident();
  const ttl = host.sysctls.get('ipv4/ip_default_ttl');
  let out = new Packet(HEADROOM + ERROR_ROOM);
  if (!buildIcmpError(out, p, type, code, info, source, { id, ttl })) return;
  if (arrival?.options !== undefined) {
    const options = echoOptions(p, arrival.options, host.optionSource(source.words[0]!), from.words[0]!);
    if (options === undefined) return;
    const most = Math.min(out.len, 576 - options.length);
    const body = out.bytes.slice(out.data + 20, out.data + most);
    const tos = ipv4Tos(out.view, out.data);
    out = buildPacket(host, { source, daddr, protocol: IPPROTO_ICMP, tos, id, options }, body, 2);
  }
  const limited = (type !== 3 || code !== 4) && host.route(from)?.local !== true;
  if (limited) host.errors.spend(from.words[0]!, host.now);
  host.run(() => sendLocal(host, out));
}

function error6(host: SimHost, p: Packet, type: number, code: number, info: number, arrival?: Arrival): void {
  const from = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_SOURCE);
  const to = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION);
  const kind = host.config.fib.lookup(to)?.type;
  const link = arrival?.link ?? host.config.fib.lookup(from)?.link;
  if (link === undefined) return;
  // an address that only a local route makes this host's is none to send from
  const own = host.config.addresses.some(({ prefix }) => inetEqual(prefix.addr, to));
  const source = own || kind === 'anycast' ? to : host.config.select6(link, from);
  if (source === undefined) return;
  const out = new Packet(HEADROOM + ERROR_ROOM);
  if (!buildIcmpError(out, p, type, code, info, source, { ttl: HOP_LIMIT })) return;
  host.run(() => sendLocal(host, out, link));
}

/** `icmp_rcv`: `at` is the ICMP header's offset. */
export function icmpInput4(host: SimHost, p: Packet, at: number, arrival: Arrival): void {
  const length = p.len - at;
  if (length < ICMP_HEADER) return;
  if (p.ipSummed === CHECKSUM_NONE && transportSum(p, at, IPPROTO_ICMP, length) !== 0) return;
  const type = p.view.getUint8(p.data + at);
  const to = inetFromBytes(AF_INET, p.bytes, p.data + 16);
  const group = host.addrType(to) === 'broadcast' || host.addrType(to) === 'multicast';
  if (type === ICMP_ECHO) {
    if (host.sysctls.get('ipv4/icmp_echo_ignore_all') !== 0) return;
    const body = p.bytes.slice(p.data + at, p.data + p.len);
    body[0] = ICMP_ECHOREPLY;
    answer4(host, p, body, to, group, arrival);
  } else if (type === ICMP_TIMESTAMP && length >= 12) {
    const body = p.bytes.slice(p.data + at, p.data + at + 20);
    body[0] = ICMP_TIMESTAMPREPLY;
    body[1] = 0;
    const view = new DataView(body.buffer);
    view.setUint32(12, host.timeOfDay);
    view.setUint32(16, host.timeOfDay);
    answer4(host, p, body, to, group, arrival);
  } else if (type === 3 && p.view.getUint8(p.data + at + 1) === 4) {
    learnMtu4(host, p, at + ICMP_HEADER, p.view.getUint16(p.data + at + 6));
  }
}

/** Sends an answer with the options, the type of service and from the address of the question. */
function answer4(
  host: SimHost,
  p: Packet,
  body: Uint8Array,
  to: InetAddr,
  group: boolean,
  arrival: Arrival,
): void {
  if (group && host.sysctls.get('ipv4/icmp_echo_ignore_broadcasts') !== 0) return;
  const daddr = inetFromBytes(AF_INET, p.bytes, p.data + 12);
  const source = group ? host.route(daddr)?.source : to;
  if (source === undefined) return;
  const options =
    arrival.options && echoOptions(p, arrival.options, host.optionSource(source.words[0]!), daddr.words[0]!);
  if (arrival.options !== undefined && options === undefined) return;
  const spec = { source, daddr, protocol: IPPROTO_ICMP, tos: ipv4Tos(p.view, p.data), id: host.ident() };
  const out = buildPacket(host, { ...spec, ...(options && { options }) }, body, 2);
  host.run(() => sendLocal(host, out));
}

/** "Fragmentation needed" about a packet of one of this host's sockets, or of its pings. */
function learnMtu4(host: SimHost, p: Packet, inner: number, mtu: number): void {
  const v = p.view;
  const ip = p.data + inner;
  if (inner + 28 > p.len) return;
  const transport = ip + ipv4HeaderLength(v, ip);
  if (transport + 8 > p.data + p.len) return;
  const protocol = v.getUint8(ip + 9);
  const source = inetFromBytes(AF_INET, p.bytes, ip + 12);
  const mine =
    protocol === IPPROTO_ICMP ||
    (protocol === IPPROTO_UDP && host.sockets.has(source, v.getUint16(transport)));
  if (mine) host.updatePmtu(inetFromBytes(AF_INET, p.bytes, ip + 16), mtu);
}

/** `icmpv6_rcv`: `at` is the ICMPv6 header's offset. */
export function icmpInput6(host: SimHost, p: Packet, at: number, arrival: Arrival): void {
  const length = p.len - at;
  if (length < ICMP_HEADER) return;
  if (p.ipSummed === CHECKSUM_NONE && transportSum(p, at, IPPROTO_ICMPV6, length) !== 0) return;
  const type = p.view.getUint8(p.data + at);
  if (type === 2) learnMtu6(host, p, at + ICMP_HEADER, p.view.getUint32(p.data + at + 4));
  if (type !== ICMPV6_ECHO_REQUEST || host.sysctls.get('ipv6/icmp/echo_ignore_all') !== 0) return;
  const daddr = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_SOURCE);
  const to = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION);
  // an address that only a fwmark rule brought here is answered from all the same, a shared one is not
  const shared = to.words[0]! >>> 24 === 255 || host.config.fib.lookup(to)?.type === 'anycast';
  const source = shared ? host.config.select6(arrival.link, daddr) : to;
  if (source === undefined) return;
  const body = p.bytes.slice(p.data + at, p.data + p.len);
  body[0] = ICMPV6_ECHO_REPLY;
  const tos = ipv6TrafficClass(p.view, p.data);
  const out = buildPacket(host, { source, daddr, protocol: IPPROTO_ICMPV6, tos }, body, 2);
  host.run(() => sendLocal(host, out, arrival.link));
}

function learnMtu6(host: SimHost, p: Packet, inner: number, mtu: number): void {
  const ip = p.data + inner;
  if (inner + IPV6_HEADER + 8 > p.len) return;
  const protocol = p.view.getUint8(ip + 6);
  const source = inetFromBytes(AF_INET6, p.bytes, ip + IPV6_SOURCE);
  const port = p.view.getUint16(ip + IPV6_HEADER);
  const mine = protocol === IPPROTO_ICMPV6 || (protocol === IPPROTO_UDP && host.sockets.has(source, port));
  if (mine) host.updatePmtu(inetFromBytes(AF_INET6, p.bytes, ip + IPV6_DESTINATION), mtu);
}
