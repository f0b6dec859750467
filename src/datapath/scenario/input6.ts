/** The way of an IPv6 packet that comes in: `ipv6_rcv`, the input route, then up the stack or through. */
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../engine/verdict.js';
import { AF_INET6, type InetAddr, inetFromBytes, inetIsAny } from '../../wire/inet.js';
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_SOURCE,
  ipv6HopLimit,
  ipv6NextHeader,
  ipv6PayloadLength,
  ipv6Version,
  NEXTHDR_HOP,
} from '../../wire/ipv6.js';
import type { Packet } from '../../wire/packet.js';
import { defragment6, KEPT, readOptions6, WHOLE } from './ext-headers.js';
import { type FibRoute, isLinkLocal, type Link } from './fib.js';
import { icmpError } from './local-icmp.js';
import { deliver6 } from './local-stack.js';
import { output, rerouted } from './output.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPV6_MIN_MTU = 1280;

/** Takes an IPv6 packet (at least one byte). */
export function input6(host: SimHost, p: Packet, link: Link): void {
  if (!checkHeader(p)) return;
  const source = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_SOURCE);
  const daddr = inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION);
  if (isMulticast(source) || (!link.loopback && (isLoopback(source) || isLoopback(daddr)))) return;
  const scope = (daddr.words[0]! >>> 16) & 15;
  if (isMulticast(daddr) && (scope === 0 || (scope === 1 && !link.loopback))) return;
  const hop = ipv6NextHeader(p.view, p.data) === NEXTHDR_HOP;
  const first = { link, local: host.isLocal(AF_INET6, daddr.words, 0), hop };
  if (hop && !readOptions6(host, p, IPV6_HEADER, true, first)) return;
  const joint = host.defrag6 ? defragment6(host, p) : WHOLE;
  if (joint === KEPT) return;
  const arrival = joint === WHOLE ? first : { ...first, joint };
  if (isMulticast(daddr)) {
    if (host.joined6(link, daddr)) deliverLocal(host, p, arrival);
    return;
  }
  const route = host.config.fib.lookup(daddr, { mark: p.mark, source, iif: link });
  if (route?.type === 'local' || route?.type === 'anycast' || link.loopback) deliverLocal(host, p, arrival);
  else if (route === undefined || route.type === 'unreachable') icmpError(host, p, 1, 0, 0, arrival);
  else if (route.type === 'prohibit') icmpError(host, p, 1, 1, 0, arrival);
  else if (route.type === 'unicast') forward(host, p, link, route, source, daddr);
}

/** `ip6_rcv_core`; cuts the packet to its payload length. */
function checkHeader(p: Packet): boolean {
  const v = p.view;
  if (p.len < IPV6_HEADER || ipv6Version(v, p.data) !== 6) return false;
  const payload = ipv6PayloadLength(v, p.data);
  if (payload === 0 && ipv6NextHeader(v, p.data) === NEXTHDR_HOP) return true;
  if (payload + IPV6_HEADER > p.len) return false;
  p.len = payload + IPV6_HEADER;
  return true;
}

function deliverLocal(host: SimHost, p: Packet, arrival: Arrival): void {
  host.arrival = { ...arrival, local: true };
  // IPVS leaves frames to groups alone
  const group = p.view.getUint8(p.data + IPV6_DESTINATION) === 255;
  if (group || host.net.receive(p, NF_INET_LOCAL_IN) === NF_ACCEPT) deliver6(host, p, host.arrival);
}

/** `ip6_forward`. */
function forward(
  host: SimHost,
  p: Packet,
  link: Link,
  route: FibRoute,
  source: InetAddr,
  daddr: InetAddr,
): void {
  if (host.sysctls.get('ipv6/conf/all/forwarding') === 0) return;
  const arrival = { link, local: false };
  const hopLimit = ipv6HopLimit(p.view, p.data);
  if (hopLimit <= 1) {
    icmpError(host, p, 3, 0, 0, arrival);
    return;
  }
  // a packet that leaves where it came in is only told about by a redirect
  if (route.link !== link) {
    if (inetIsAny(source) || isLoopback(source)) return;
    if (isLinkLocal(source)) {
      icmpError(host, p, 1, 2, 0, arrival);
      return;
    }
  }
  const mtu = Math.max(route.link.mtu, IPV6_MIN_MTU);
  const size = p.fragMaxSize !== 0 ? p.fragMaxSize : p.len;
  if (size > mtu) {
    icmpError(host, p, 2, 0, mtu, arrival);
    return;
  }
  if (p.fragMaxSize !== 0) p.ignoreDf = true;
  p.view.setUint8(p.data + 7, hopLimit - 1);
  host.arrival = arrival;
  if (host.net.receive(p, NF_INET_FORWARD) !== NF_ACCEPT) return;
  const way = rerouted(host, p, source) ?? host.wayOut(route, daddr);
  if (way !== undefined) output(host, p, way);
}

const isMulticast = (a: InetAddr): boolean => a.words[0]! >>> 24 === 255;

function isLoopback({ words: w }: InetAddr): boolean {
  return (w[0]! | w[1]! | w[2]!) === 0 && w[3] === 1;
}
