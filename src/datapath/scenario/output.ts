/** The way out of a packet: `ip_output`, `ip6_output`, fragments, the next hop's MAC address. */
import type { Route } from '../../engine/host.js';
import { NF_ACCEPT, NF_DROP, NF_INET_LOCAL_OUT } from '../../engine/verdict.js';
import { fragment4, fragment6 } from '../../wire/fragment.js';
import { AF_INET, AF_INET6, type InetAddr, inetEqual, inetFromBytes } from '../../wire/inet.js';
import { IP_DF, ipv4FragOff } from '../../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../../wire/ipv6.js';
import { CHECKSUM_PARTIAL, type Packet } from '../../wire/packet.js';
import { completeChecksum } from '../../wire/partial-checksum.js';
import type { Link } from './fib.js';
import { icmpError } from './local-icmp.js';
import { groupMac } from './neighbours.js';
import type { SimHost } from './sim-host.js';

const LOOPBACK_NET = 127;

/**
 * Sends a packet that the host made itself, through the LOCAL_OUT hook. It is dropped when there is no route.
 * @param oif where what it answers came in, for a link-local destination.
 * @returns false when the hook dropped it.
 */
export function sendLocal(host: SimHost, p: Packet, oif?: Link): boolean {
  p.ignoreDf = true;
  const way = outputRoute(host, p, oif);
  if (way === undefined) return true;
  const v6 = p.view.getUint8(p.data) >>> 4 === 6;
  const source = inetFromBytes(v6 ? AF_INET6 : AF_INET, p.bytes, p.data + (v6 ? IPV6_SOURCE : 12));
  host.arrival = way.local && !v6 ? { link: host.linkOf(way.ifindex), local: true } : undefined;
  const verdict = host.net.receive(p, NF_INET_LOCAL_OUT);
  if (verdict !== NF_ACCEPT) return verdict !== NF_DROP;
  const route = rerouted(host, p, source) ?? outputRoute(host, p, oif);
  if (route !== undefined) output(host, p, route);
  return true;
}

/**
 * The way of a forwarded packet whose source IPVS has replaced: it is routed anew, as if this host had made it (`ip_route_me_harder`,
 * sysctl `snat_reroute`). Undefined for all others.
 * @param before the source that it came with.
 */
export function rerouted(host: SimHost, p: Packet, before: InetAddr): Route | undefined {
  if (!p.ipvsProperty || host.net.ipvs.sysctls.values.snat_reroute === 0) return undefined;
  const v6 = before.family === AF_INET6;
  const source = inetFromBytes(before.family, p.bytes, p.data + (v6 ? IPV6_SOURCE : 12));
  return inetEqual(source, before) ? undefined : wayOfOwn(host, p);
}

/** The route of a packet of this host's: IPv4 sends nothing from an address that is not its own. */
function outputRoute(host: SimHost, p: Packet, oif: Link | undefined): Route | undefined {
  const v4 = p.view.getUint8(p.data) >>> 4 === 4;
  if (v4 && !host.isLocal(AF_INET, inetFromBytes(AF_INET, p.bytes, p.data + 12).words, 0)) return undefined;
  return wayOfOwn(host, p, oif);
}

/** The route of a packet as if this host had made it, from whatever source. */
export function wayOfOwn(host: SimHost, p: Packet, oif?: Link): Route | undefined {
  const v6 = p.view.getUint8(p.data) >>> 4 === 6;
  const family = v6 ? AF_INET6 : AF_INET;
  return routeFrom(
    host,
    inetFromBytes(family, p.bytes, p.data + (v6 ? IPV6_SOURCE : 12)),
    inetFromBytes(family, p.bytes, p.data + (v6 ? IPV6_DESTINATION : 16)),
    oif,
  );
}

/** An IPv4 address of the loopback network is no source outside. */
export function staysInside(host: SimHost, source: InetAddr): boolean {
  return (
    source.family === AF_INET &&
    source.words[0]! >>> 24 === LOOPBACK_NET &&
    host.sysctls.get('ipv4/conf/all/route_localnet') === 0
  );
}

/** `ip_route_output` with a source address: to a group or to everybody it leaves by the interface that has the source. */
export function routeFrom(
  host: SimHost,
  source: InetAddr | undefined,
  daddr: InetAddr,
  oif?: Link,
): Route | undefined {
  if (groupMac(daddr, isEverybody(daddr)) !== undefined) {
    const on = host.config.addresses.find(
      (a) =>
        source !== undefined &&
        a.prefix.addr.family === daddr.family &&
        a.prefix.addr.words.every((w, i) => w === source.words[i]),
    );
    const link = on?.link ?? host.config.links[1];
    if (link === undefined) return undefined;
    return {
      local: false,
      ifindex: link.ifindex,
      mtu: link.mtu,
      mtuLearnt: false,
      source: source ?? daddr,
      nextHop: daddr,
    };
  }
  const found = host.config.fib.lookup(daddr, { ...(source && { source }), ...(oif && { oif }) });
  const way = found && host.wayOut(found, daddr);
  return way?.local === false && source !== undefined && staysInside(host, source) ? undefined : way;
}

/** Sends a packet by `route`: to the host itself, or in as many frames as it takes. */
export function output(host: SimHost, p: Packet, route: Route): void {
  const link = host.linkOf(route.ifindex);
  if (route.local || link.loopback) {
    const copy = host.packet(p.payload());
    copy.mark = p.mark;
    copy.ipvsProperty = p.ipvsProperty;
    copy.ipSummed = p.ipSummed;
    copy.csumStart = p.csumStart;
    copy.csumOffset = p.csumOffset;
    copy.ifindex = link.ifindex;
    host.run(() => host.input(copy, link), true);
    return;
  }
  if (p.view.getUint8(p.data) >>> 4 === 6) output6(host, p, link, route);
  else output4(host, p, link, route);
}

function output4(host: SimHost, p: Packet, link: Link, route: Route): void {
  const { mtu } = route;
  if (p.len <= mtu && p.fragMaxSize === 0) {
    finish(host, p, link, route);
    return;
  }
  if ((ipv4FragOff(p.view, p.data) & IP_DF) !== 0 && (!p.ignoreDf || p.fragMaxSize > mtu)) {
    icmpError(host, p, 3, 4, mtu);
    return;
  }
  fragment4(p, mtu, (bytes) => frame(host, bytes, link, route.nextHop));
}

function output6(host: SimHost, p: Packet, link: Link, route: Route): void {
  const { mtu } = route;
  if (p.len <= mtu && (p.fragMaxSize === 0 || p.len <= p.fragMaxSize)) {
    finish(host, p, link, route);
    return;
  }
  if ((p.len > mtu && !p.ignoreDf) || p.fragMaxSize > mtu) {
    icmpError(host, p, 2, 0, mtu, host.arrival ?? { link, local: false });
    return;
  }
  fragment6(p, mtu, host.ident(), (bytes) => frame(host, bytes, link, route.nextHop));
}

function finish(host: SimHost, p: Packet, link: Link, route: Route): void {
  const unfinished = p.ipSummed === CHECKSUM_PARTIAL ? p.payload().slice() : undefined;
  completeChecksum(p);
  frame(host, p.payload(), link, route.nextHop, unfinished);
}

/** `neigh_output`. @param unfinished the packet without its checksum: that is the card's to make, which it may never reach. */
function frame(host: SimHost, bytes: Uint8Array, link: Link, hop: InetAddr, unfinished?: Uint8Array): void {
  if (!link.up) return;
  const mac =
    groupMac(hop, isEverybody(hop) || isNetBroadcast(host, hop)) ?? host.neighbours.resolve(link, hop);
  if (mac === undefined) {
    const from = host.arrival?.link ?? link;
    host.neighbours.wait({ bytes: bytes.slice(), link, hop, from, unfinished }, host.now);
  } else host.emit({ link, mac, bytes: bytes.slice() });
}

const isEverybody = (a: InetAddr): boolean => a.family === AF_INET && a.words[0] === -1;

const isNetBroadcast = (host: SimHost, a: InetAddr): boolean =>
  a.family === AF_INET && host.config.fib.lookup(a)?.type === 'broadcast';
