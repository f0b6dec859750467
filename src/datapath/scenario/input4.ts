/** The way of an IPv4 packet that comes in: `ip_rcv`, the input route, then up the stack or through. */
import { conntrackOn } from '../../engine/conntrack.js';
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../engine/verdict.js';
import { checksum } from '../../wire/checksum.js';
import { AF_INET, type InetAddr, inet4 } from '../../wire/inet.js';
import {
  IP_DF,
  IPV4_MIN,
  ipv4Destination,
  ipv4FragOff,
  ipv4HeaderLength,
  ipv4IsFragment,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
  ipv4Version,
} from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';
import { coalesce } from './coalesce.js';
import type { FibRoute, Link } from './fib.js';
import { forwardOptions, type IpOptions } from './ip-options.js';
import { fillOptions, icmpError } from './local-icmp.js';
import { deliver4 } from './local-stack.js';
import { output, rerouted } from './output.js';
import type { SimHost } from './sim-host.js';

const LOOPBACK_NET = 127;
/** Protocols whose fragments IPVS gathers when they pass: ICMP, TCP, UDP, SCTP. */
const GATHERED: readonly number[] = [1, 6, 17, 132];

type Where = 'local' | 'forward' | 'no-route' | 'drop';

/** Takes an IPv4 packet (at least one byte). */
export function input4(host: SimHost, p: Packet, link: Link): void {
  if (!checkHeader(p) || !trackedWhole(host, p)) return;
  const source = inet4(ipv4Source(p.view, p.data));
  const daddr = inet4(ipv4Destination(p.view, p.data));
  if (link.loopback) {
    // its route was found when it was sent
    deliverLocal(host, p, link, undefined);
    return;
  }
  const key = { mark: p.mark, source, iif: link };
  const route = host.config.fib.lookup(daddr, key);
  const where = inputRoute(host, route, source, daddr, link);
  if (where === 'drop') return;
  const arrival = { link, local: where === 'local' };
  const options = readOptions(host, p, link, arrival.local);
  if (options === null) return;
  if (where === 'local') deliverLocal(host, p, link, options);
  else if (where === 'no-route') answerNoRoute(host, p, route, source.words[0]!);
  else forward(host, p, link, route!, source, daddr, options);
}

/** `ip_rcv_core`; cuts the packet to its total length. */
function checkHeader(p: Packet): boolean {
  const v = p.view;
  if (p.len < IPV4_MIN || ipv4Version(v, p.data) !== 4) return false;
  const header = ipv4HeaderLength(v, p.data);
  if (header < IPV4_MIN || p.len < header || checksum(v, p.data, header) !== 0) return false;
  const total = ipv4TotalLength(v, p.data);
  if (total < header || p.len < total) return false;
  p.len = total;
  return true;
}

/** While connections are tracked, fragments are put together before routing (`nf_defrag_ipv4`). False for one that waits for others. */
function trackedWhole(host: SimHost, p: Packet): boolean {
  if (!ipv4IsFragment(p.view, p.data) || !conntrackOn(host.net.ipvs, AF_INET)) return true;
  p.ignoreDf = host.tracked4.input(p, host.now);
  return p.ignoreDf;
}

/** `ip_route_input`: what becomes of the packet. */
function inputRoute(
  host: SimHost,
  route: FibRoute | undefined,
  source: InetAddr,
  daddr: InetAddr,
  link: Link,
): Where {
  const s = source.words[0]!;
  const d = daddr.words[0]!;
  if (s >>> 28 === 14 || s === -1) return 'drop';
  if (d >>> 28 === 14)
    return host.joined4(link, daddr) && s !== 0 && sourceIsGood(host, source, link) ? 'local' : 'drop';
  if (d === -1 || (s === 0 && d === 0)) return s === 0 || sourceIsGood(host, source, link) ? 'local' : 'drop';
  if (s === 0 || d === 0) return 'drop';
  const localnet = host.sysctls.get('ipv4/conf/all/route_localnet') !== 0;
  if ((s >>> 24 === LOOPBACK_NET || d >>> 24 === LOOPBACK_NET) && !localnet) return 'drop';
  const forwarding = host.sysctls.get('ipv4/ip_forward') !== 0;
  if (route === undefined) return forwarding ? 'no-route' : 'drop';
  if (route.type === 'local' || route.type === 'broadcast')
    return sourceIsGood(host, source, link) ? 'local' : 'drop';
  if (!forwarding || route.type === 'blackhole') return 'drop';
  if (route.type !== 'unicast') return 'no-route';
  return sourceIsGood(host, source, link) ? 'forward' : 'drop';
}

/** `fib_validate_source` without reverse path filter: a source that is this host's own is a martian. */
function sourceIsGood(host: SimHost, source: InetAddr, link: Link): boolean {
  if (host.sysctls.get('ipv4/conf/all/accept_local') !== 0) return true;
  if (!host.config.fib.hasRules(AF_INET)) {
    return !host.config.addresses.some(
      (a) => a.prefix.addr.family === AF_INET && a.prefix.addr.words[0] === source.words[0],
    );
  }
  const back = host.config.fib.lookup(source, { iif: link });
  return back?.type !== 'local' && back?.type !== 'broadcast';
}

/** Options of the packet; undefined when it has none, null when it is to be dropped. */
function readOptions(host: SimHost, p: Packet, link: Link, local: boolean): IpOptions | undefined | null {
  if (ipv4HeaderLength(p.view, p.data) === IPV4_MIN) return undefined;
  const options = fillOptions(host, p, local);
  if (options.fault !== 0) {
    icmpError(host, p, 12, 0, options.fault * 0x100_0000, { link, local, options });
    return null;
  }
  return options.sourceRoute !== 0 ? null : options;
}

function deliverLocal(host: SimHost, p: Packet, link: Link, options: IpOptions | undefined): void {
  const isFragment = ipv4IsFragment(p.view, p.data);
  if (!host.reassembler4.input(p, host.now)) return;
  if (isFragment) coalesce(p);
  host.arrival = { link, local: true, at: p.data, ...(options && { options }) };
  // IPVS leaves frames to groups alone
  if (ipv4Destination(p.view, p.data) >>> 28 === 14 || host.net.receive(p, NF_INET_LOCAL_IN) === NF_ACCEPT) {
    deliver4(host, p, host.arrival);
  }
}

/** `ip_error`. */
function answerNoRoute(host: SimHost, p: Packet, route: FibRoute | undefined, source: number): void {
  if (!host.errors.allows(source, host.now)) return;
  const code = route === undefined ? 0 : route.type === 'prohibit' ? 13 : 1;
  icmpError(host, p, 3, code, 0);
}

/** `ip_forward`. */
function forward(
  host: SimHost,
  p: Packet,
  link: Link,
  route: FibRoute,
  source: InetAddr,
  daddr: InetAddr,
  options: IpOptions | undefined,
): void {
  const v = p.view;
  const arrival = { link, local: false, ...(options && { options }) };
  if (v.getUint8(p.data + 8) <= 1) {
    icmpError(host, p, 11, 0, 0, arrival);
    return;
  }
  const mtu = route.mtu || route.link.mtu;
  const tooLong = p.fragMaxSize > mtu || (p.len > mtu && !p.ignoreDf);
  if (tooLong && (ipv4FragOff(v, p.data) & IP_DF) !== 0) {
    icmpError(host, p, 3, 4, mtu, arrival);
    return;
  }
  v.setUint8(p.data + 8, v.getUint8(p.data + 8) - 1);
  const check = v.getUint16(p.data + 10) + 0x100;
  v.setUint16(p.data + 10, check >= 0xffff ? check - 0xffff : check);
  const gather =
    ipv4IsFragment(v, p.data) && host.net.ipvs.hooked(AF_INET) && GATHERED.includes(ipv4Protocol(v, p.data));
  if (gather && !host.reassembler4.input(p, host.now)) return;
  host.arrival = arrival;
  if (host.net.receive(p, NF_INET_FORWARD) !== NF_ACCEPT) return;
  const own = rerouted(host, p, source);
  const way = own ?? host.wayOut(route, daddr);
  if (way === undefined) return;
  if (options !== undefined) forwardOptions(p, options, own ? ipv4Source(v, p.data) : way.source.words[0]!);
  output(host, p, own ?? { ...way, mtu });
}
