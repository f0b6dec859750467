/** What the kernel knows about addresses, routes and interfaces, kept fresh by its notifications. */
import type { Route } from '../../engine/host.js';
import { SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK, type Link, listLinks } from '../../linux/rt-link.js';
import { parseNeighbour } from '../../linux/rt-neighbour.js';
import {
  getRoute,
  type KernelRoute,
  listRoutes,
  RTN_LOCAL,
  RTN_UNICAST,
  routeProtocol,
} from '../../linux/rt-route.js';
import { parseRule } from '../../linux/rt-rule.js';
import {
  openRtnetlink,
  RT_TABLE_LOCAL,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTPROT_IPVSD,
  subscribeRtnetlink,
} from '../../linux/rtnetlink.js';
import { AF_INET, anyAddr, type Family, type InetAddr, inetToString } from '../../wire/inet.js';
import type { NetlinkMessage } from '../../wire/netlink.js';
import { LocalAddresses } from './local-addresses.js';
import { type NeighbourEntry, type NeighbourEvents, Neighbours } from './neighbours.js';
import { PathMtu } from './path-mtu.js';
import { plainRoutes } from './plain-routes.js';

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_RULE,
];
/** Routes remembered between two changes; a flood of destinations (only `bypass` has that many) starts anew. */
const ROUTE_LIMIT = 16_384;
/** The path MTU is the interface's own where a route says nothing; an interface nobody knows gets the least that IPv6 needs. */
const UNKNOWN_MTU = 1280;

/** A route with what it was looked up for. */
export interface HostRoute extends Route {
  readonly destination: InetAddr;
  /** The next hop's entry in the neighbour table; filled when direct routing first uses it. */
  neighbour: NeighbourEntry | undefined;
}

/**
 * A view of the kernel's tables. Routes are asked for one destination at a time and remembered until anything changes: so policy routing, multipath, metrics
 * and source selection are the kernel's, and a table of a million routes costs nothing.
 */
export class KernelView {
  readonly socket: NetlinkSocket;
  readonly locals = new LocalAddresses();
  readonly neighbours: Neighbours;
  /** Counts changes of routes and addresses. */
  generation = 1;
  readonly #changes: NetlinkSocket;
  readonly #families: readonly Family[];
  readonly #pathMtu = new PathMtu();
  /** By destination: an IPv4 one is its word, of which no text need be made. */
  readonly #routes = new Map<string | number, HostRoute | undefined>();
  readonly #plain = new Map<Family, readonly KernelRoute[] | undefined>();
  #links = new Map<number, Link>();

  constructor(families: readonly Family[], events: NeighbourEvents) {
    this.#families = families;
    // subscribed before the first look: no change is missed
    this.#changes = subscribeRtnetlink(GROUPS);
    this.socket = openRtnetlink();
    this.neighbours = new Neighbours(this.socket, events);
    this.#reload();
  }

  /** Readable when something has changed; `follow` then takes it over. */
  get fd(): number {
    return this.#changes.fd;
  }

  /** Takes over what has changed. */
  follow(now: number): void {
    const { messages, lost } = this.#changes.notifications();
    let tables = lost;
    for (const message of messages) {
      if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) {
        tables ||= !isOurs(message);
        continue;
      }
      const neighbour = parseNeighbour(message);
      if (neighbour !== undefined) this.neighbours.changed(neighbour, message.type === RTM_DELNEIGH, now);
    }
    if (tables) this.#reload();
    if (lost) this.neighbours.refresh(now);
  }

  /** Once a second. */
  tick(now: number): void {
    if (this.#pathMtu.expire(now)) this.#forgetRoutes();
    this.neighbours.tick(now);
  }

  /** The way to `destination`, or undefined when there is none. */
  route(destination: InetAddr): HostRoute | undefined {
    const key = destination.family === AF_INET ? destination.words[0]! : inetToString(destination);
    const known = this.#routes.get(key);
    if (known !== undefined || this.#routes.has(key)) return known;
    const route = this.#ask(destination);
    if (this.#routes.size >= ROUTE_LIMIT) this.#routes.clear();
    this.#routes.set(key, route);
    return route;
  }

  /** All routes of a family; undefined where more than the longest prefix decides, or something was learnt about single destinations. */
  plainRoutes(family: Family): readonly KernelRoute[] | undefined {
    if (!this.#plain.has(family)) {
      this.#plain.set(family, this.#pathMtu.empty ? plainRoutes(this.socket, family) : undefined);
    }
    return this.#plain.get(family);
  }

  /** Learns a path MTU. */
  learnMtu(destination: InetAddr, mtu: number, now: number): void {
    const current = this.route(destination)?.mtu;
    if (current !== undefined && this.#pathMtu.learn(destination, mtu, current, now)) this.#forgetRoutes();
  }

  link(index: number): Link | undefined {
    return this.#links.get(index);
  }

  linkNamed(name: string): Link | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link;
    return undefined;
  }

  /** Frames on this interface carry an Ethernet header. */
  hasEthernet(index: number): boolean {
    const type = this.#links.get(index)?.type;
    return type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK;
  }

  close(): void {
    this.#changes.close();
    this.socket.close();
  }

  #ask(destination: InetAddr): HostRoute | undefined {
    let found: KernelRoute;
    try {
      found = getRoute(this.socket, destination);
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
    const local = found.type === RTN_LOCAL;
    if (!local && found.type !== RTN_UNICAST) return undefined;
    const mtu = found.mtu || this.#links.get(found.ifindex)?.mtu || UNKNOWN_MTU;
    const learnt = this.#pathMtu.apply(destination, mtu);
    return {
      destination,
      local,
      ifindex: found.ifindex,
      mtu: learnt,
      mtuLearnt: learnt < mtu,
      source: found.source ?? anyAddr(destination.family),
      nextHop: found.gateway ?? destination,
      neighbour: undefined,
    };
  }

  #reload(): void {
    this.#links = new Map(listLinks(this.socket).map((link) => [link.index, link]));
    this.locals.replace(this.#families.flatMap((family) => listRoutes(this.socket, family, RT_TABLE_LOCAL)));
    this.#forgetRoutes();
  }

  #forgetRoutes(): void {
    this.#routes.clear();
    this.#plain.clear();
    this.generation++;
  }
}

/** Our own rules and routes lead into our own device: no route that is asked for depends on them. */
function isOurs(message: NetlinkMessage): boolean {
  switch (message.type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeProtocol(message) === RTPROT_IPVSD;
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return parseRule(message)?.protocol === RTPROT_IPVSD;
    default:
      return false;
  }
}
