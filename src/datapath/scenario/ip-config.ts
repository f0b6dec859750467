/** The director's own network configuration: links, addresses, routes, neighbours, and what follows of each from the others. */
import { IpvsError } from '../../errors.js';
import { AF_INET, AF_INET6, type Family, type InetAddr, inetEqual, inetToString } from '../../wire/inet.js';
import { Fib, type FibRoute, type Link, type RouteType, speaks, TABLES } from './fib.js';
import { PathMtus } from './path-mtus.js';
import {
  addressBits,
  commonBits,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixCovers,
  prefixEdge,
} from './prefix.js';
import type { Topology } from './topology.js';

/** Metric of the routes that follow from an address: IPv4 and IPv6. */
const connectedMetric = (family: Family): number => (family === AF_INET ? 0 : 256);

/** Links, addresses, routes and neighbours of one namespace. Every change counts up `generation`. */
export class IpConfig {
  readonly fib = new Fib();
  readonly links: Link[] = [];
  readonly addresses: { readonly link: Link; readonly prefix: Prefix }[] = [];
  /** MAC addresses by {@link neighbourKey}. */
  readonly neighbours = new Map<string, Uint8Array>();
  /** Next hops whose MAC address has been asked for, by {@link neighbourKey}: false when somebody has given one up. */
  readonly asked = new Map<string, boolean>();
  readonly pathMtus = new PathMtus();
  generation = 1;
  readonly loopback: Link;

  constructor(topology: Topology) {
    this.loopback = this.#addLink('lo', 'lo', new Uint8Array(6), 65_536);
    this.addAddress(this.loopback, parsePrefix('127.0.0.1/8', 'lo'));
    this.addAddress(this.loopback, parsePrefix('::1/128', 'lo'));
    for (const spec of topology.interfaces) {
      const link =
        spec.name === 'lo'
          ? this.loopback
          : this.#addLink(
              spec.name,
              spec.side ?? spec.name,
              parseMac(spec.mac ?? '', 'mac'),
              spec.mtu ?? 1500,
            );
      for (const text of spec.addresses ?? []) this.addAddress(link, parsePrefix(text, 'addresses'));
    }
    for (const text of topology.vips) this.addAddress(this.loopback, parsePrefix(text, 'vips'));
    for (const host of topology.hosts) {
      const link = this.link(host.interface);
      for (const text of host.addresses) {
        this.neighbours.set(neighbourKey(link, parseAddress(text, 'hosts')), parseMac(host.mac, 'mac'));
      }
    }
  }

  /** The link of that name. @throws IpvsError `NO_DEVICE`. */
  link(name: string): Link {
    const link = this.links.find((l) => l.name === name);
    if (link === undefined) throw new IpvsError('NO_DEVICE', `Cannot find device "${name}"`);
    return link;
  }

  /** Adds an address with the routes that follow from it. @throws IpvsError `DEST_EXISTS` when the link has it already, `INVALID` when it does not do IPv6. */
  addAddress(link: Link, prefix: Prefix): void {
    if (!speaks(link, prefix.addr.family)) throw new IpvsError('INVALID', 'Invalid argument');
    if (this.#addressIndex(link, prefix) >= 0) throw new IpvsError('DEST_EXISTS', 'Address already assigned');
    this.addresses.push({ link, prefix });
    this.#addConnected(link, prefix);
    this.generation++;
  }

  /** Takes an address and its routes away. @throws IpvsError `INVALID` when the link does not have it. */
  removeAddress(link: Link, prefix: Prefix): void {
    const at = this.#addressIndex(link, prefix);
    if (at < 0) throw new IpvsError('INVALID', 'Address not found');
    this.addresses.splice(at, 1);
    this.#removeRoutes((r) => r.kernel && r.link === link && r.source === prefix.addr);
    this.#rebuildConnected();
    const isLast = !this.addresses.some((a) => a.link === link && a.prefix.addr.family === AF_INET);
    if (prefix.addr.family === AF_INET && isLast) this.#disable(link, AF_INET);
  }

  /** Changes the MTU: with one that is too small for IPv6 the link loses all it has of that. IPv6 routes with MTUs of their own follow (`rt6_mtu_change`). */
  setLinkMtu(link: Link, mtu: number): void {
    this.pathMtus.linkChanged(link, mtu, link.mtu);
    for (const route of this.fib.routes) {
      if (route.link !== link || route.mtu === 0 || route.prefix.addr.family === AF_INET) continue;
      if (route.mtu >= mtu || route.mtu === link.mtu) route.mtu = mtu;
    }
    link.mtu = mtu;
    if (!speaks(link, AF_INET6)) this.#disable(link, AF_INET6);
    this.generation++;
  }

  /** Brings a link up or down: a link that is down loses its neighbours, its IPv4 routes and its IPv6 addresses. */
  setLinkUp(link: Link, up: boolean): void {
    if (link.up === up) return;
    link.up = up;
    if (!up) {
      this.#disable(link, AF_INET);
      this.#disable(link, AF_INET6);
    }
    this.generation++;
  }

  /** A link does no more of a family: its routes and neighbours go, and what is asked for; IPv6 addresses too. */
  #disable(link: Link, family: Family): void {
    const ofFamily = (addr: InetAddr): boolean => addr.family === family;
    if (family === AF_INET6) {
      const own = this.addresses.filter((a) => a.link === link && ofFamily(a.prefix.addr));
      for (const { prefix } of own) this.removeAddress(link, prefix);
    }
    this.#removeRoutes((r) => r.link === link && ofFamily(r.prefix.addr) && !r.kernel && r.type !== 'local');
    for (const table of [this.neighbours, this.asked])
      for (const key of table.keys()) {
        const v6 = key.includes(':', link.name.length);
        if (key.startsWith(`${link.name} `) && v6 === (family === AF_INET6)) table.delete(key);
      }
  }

  /** A source address for packets to `daddr` that leave by `route`. Undefined when there is none. */
  sourceFor(route: FibRoute, daddr: InetAddr): InetAddr | undefined {
    if (route.source !== undefined && route.type !== 'local' && route.prefix.addr.family === AF_INET)
      return route.source;
    if (daddr.family === AF_INET6) return this.select6(route.link, daddr);
    if (route.type === 'local') return daddr;
    return this.select4(route.link, route.via);
  }

  /** `inet_select_addr`: the link's address on the net of `near`, else its first, else any that is not the loopback's. */
  select4(link: Link, near: InetAddr | undefined): InetAddr | undefined {
    const own = this.addresses.filter((a) => a.link === link && a.prefix.addr.family === AF_INET);
    const same = near === undefined ? undefined : own.find((a) => prefixCovers(a.prefix, near.words));
    const other = this.addresses.find(
      (a) => a.prefix.addr.family === AF_INET && a.prefix.addr.words[0]! >>> 24 !== 127,
    );
    return (same ?? own[0] ?? other)?.prefix.addr;
  }

  /** RFC 6724: the destination itself, then addresses of the outgoing link, then the longest common prefix; the newest of equals. */
  select6(link: Link, daddr: InetAddr): InetAddr | undefined {
    let best: InetAddr | undefined;
    let bestScore = -1;
    for (const { link: on, prefix } of this.addresses) {
      if (prefix.addr.family !== AF_INET6 || (on.loopback && prefix.addr.words[0] === 0)) continue;
      const common = Math.min(commonBits(prefix.addr, daddr), prefix.length);
      const score = (inetEqual(prefix.addr, daddr) ? 10_000 : 0) + (on === link ? 1000 : 0) + common;
      if (score >= bestScore) {
        bestScore = score;
        best = prefix.addr;
      }
    }
    return best;
  }

  #addLink(name: string, side: string, mac: Uint8Array, mtu: number): Link {
    const link = { name, ifindex: this.links.length + 1, loopback: name === 'lo', side, mac, mtu, up: true };
    this.links.push(link);
    return link;
  }

  #addressIndex(link: Link, prefix: Prefix): number {
    return this.addresses.findIndex((a) => a.link === link && inetEqual(a.prefix.addr, prefix.addr));
  }

  #removeRoutes(which: (route: FibRoute) => boolean): void {
    const { routes } = this.fib;
    for (let i = routes.length - 1; i >= 0; i--) if (which(routes[i]!)) routes.splice(i, 1);
    this.generation++;
  }

  /** An address may have shared a route (of its net, of the anycast address) with one that was removed. */
  #rebuildConnected(): void {
    this.#removeRoutes((r) => r.kernel);
    for (const { link, prefix } of this.addresses) this.#addConnected(link, prefix);
  }

  #addConnected(link: Link, prefix: Prefix): void {
    const { family } = prefix.addr;
    const full = addressBits(family);
    const add = (type: RouteType, to: InetAddr, length: number, table: number): void => {
      const metric = connectedMetric(family);
      this.fib.routes.push({
        table,
        prefix: { addr: to, length },
        type,
        via: undefined,
        link,
        mtu: 0,
        source: prefix.addr,
        metric,
        kernel: true,
      });
    };
    const loopback4 = family === AF_INET && prefix.addr.words[0]! >>> 24 === 127;
    add(
      'local',
      loopback4 ? prefixEdge(prefix, false) : prefix.addr,
      loopback4 ? prefix.length : full,
      TABLES.local!,
    );
    if (loopback4 || prefix.length === full) return;
    add('unicast', prefixEdge(prefix, false), prefix.length, TABLES.main!);
    if (prefix.length >= full - 1) return;
    if (family === AF_INET) add('broadcast', prefixEdge(prefix, true), full, TABLES.local!);
    // the subnet router anycast address, which every router answers for (RFC 4291 2.6.1)
    else add('anycast', prefixEdge(prefix, false), full, TABLES.local!);
  }
}

/** Key of a neighbour in {@link IpConfig.neighbours}. */
export function neighbourKey(link: Link, addr: InetAddr): string {
  return `${link.name} ${inetToString(addr)}`;
}

/** The six bytes of `xx:xx:xx:xx:xx:xx`. @throws IpvsError `INVALID` naming `field`. */
export function parseMac(text: string, field: string): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text))
    throw new IpvsError('INVALID', `"${text}" is no MAC address`, field);
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** Text of a MAC address. */
export function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
