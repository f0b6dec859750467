/** Routes by rtnetlink (`struct rtmsg`): tables, and what the kernel would do with one destination. */
import {
  AF_INET,
  AF_INET6,
  anyAddr,
  type Family,
  type InetAddr,
  inetFromBytes,
  inetToString,
} from '../wire/inet.js';
import {
  attributeBytes,
  attributes,
  LITTLE,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../wire/netlink.js';
import type { NetlinkSocket } from './netlink.js';
import { RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from './rt-address.js';
import {
  addressBits,
  change,
  dump,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTPROT_IPVSD,
  readAddress,
  writeAddress,
} from './rtnetlink.js';

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTMSG = 12;

/** Types of routes (RTN_*). */
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;

/** A route as the kernel tells it. */
export interface KernelRoute {
  readonly family: Family;
  /** RTN_* */
  readonly type: number;
  readonly table: number;
  /** RTPROT_* */
  readonly protocol: number;
  /** The destination's prefix; any address with length 0 for a default route. */
  readonly destination: InetAddr;
  readonly prefixLength: number;
  /** 0 when there is none. */
  readonly ifindex: number;
  /** May be of the other family (`via inet6`). */
  readonly gateway: InetAddr | undefined;
  readonly source: InetAddr | undefined;
  /** From the route itself or a learnt path MTU; 0 when the interface's own counts. */
  readonly mtu: number;
}

/** The route that an `RTM_NEWROUTE` or `RTM_DELROUTE` message is about; undefined for a family that is not IP. */
export function parseRoute({ view }: NetlinkMessage): KernelRoute | undefined {
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const a = attributes(view, RTMSG);
  const metrics = a.get(RTA_METRICS);
  const mtu = metrics === undefined ? undefined : attributes(metrics, 0).get(RTAX_MTU);
  return {
    family,
    type: view.getUint8(7),
    table: a.get(RTA_TABLE)?.getUint32(0, LITTLE) ?? view.getUint8(4),
    protocol: view.getUint8(5),
    destination: readAddress(family, a.get(RTA_DST)) ?? anyAddr(family),
    prefixLength: view.getUint8(1),
    ifindex: a.get(RTA_OIF)?.getUint32(0, LITTLE) ?? 0,
    gateway: readAddress(family, a.get(RTA_GATEWAY)) ?? readVia(a.get(RTA_VIA)),
    source: readAddress(family, a.get(RTA_PREFSRC)),
    mtu: mtu?.getUint32(0, LITTLE) ?? 0,
  };
}

/** Who made the route that a message is about (RTPROT_*), without reading all of it. */
export function routeProtocol({ view }: NetlinkMessage): number {
  return view.getUint8(5);
}

/** What the kernel would do with a packet of this host to `destination`. @throws SystemError, e.g. ENETUNREACH. */
export function getRoute(socket: NetlinkSocket, destination: InetAddr): KernelRoute {
  const fixed = new Uint8Array(RTMSG);
  fixed[0] = destination.family;
  fixed[1] = addressBits(destination.family);
  const message = new NetlinkWriter(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK, fixed);
  writeAddress(message, RTA_DST, destination);
  return parseRoute(socket.request(message, `RTM_GETROUTE ${inetToString(destination)}`)[0]!)!;
}

/** The routes of one table. */
export function listRoutes(socket: NetlinkSocket, family: Family, table: number): KernelRoute[] {
  const fixed = new Uint8Array(RTMSG);
  fixed[0] = family;
  const message = dump(RTM_GETROUTE, fixed).u32(RTA_TABLE, table);
  return socket
    .request(message, 'RTM_GETROUTE')
    .map(parseRoute)
    .filter((route) => route !== undefined && route.table === table) as KernelRoute[];
}

/** Makes the default route of `table` lead out of an interface. */
export function setDefaultRoute(socket: NetlinkSocket, family: Family, table: number, ifindex: number): void {
  const message = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, fixedPart(family, 0));
  socket.request(message.u32(RTA_TABLE, table).u32(RTA_OIF, ifindex), `RTM_NEWROUTE default table ${table}`);
}

/** Removes what {@link setDefaultRoute} made. */
export function deleteDefaultRoute(socket: NetlinkSocket, family: Family, table: number): void {
  const message = change(RTM_DELROUTE, 0, fixedPart(family, 0));
  socket.request(message.u32(RTA_TABLE, table), `RTM_DELROUTE default table ${table}`);
}

/** The request that makes `table` lead one address out of an interface. */
export function hostRouteAddition(table: number, address: InetAddr, ifindex: number): NetlinkWriter {
  return hostRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, address).u32(RTA_OIF, ifindex);
}

/** The request that deletes the route of one address. Refused with ESRCH when there is none. */
export function hostRouteDeletion(table: number, address: InetAddr): NetlinkWriter {
  return hostRoute(RTM_DELROUTE, 0, table, address);
}

function hostRoute(type: number, flags: number, table: number, address: InetAddr): NetlinkWriter {
  const message = change(type, flags, fixedPart(address.family, addressBits(address.family)));
  writeAddress(message, RTA_DST, address);
  return message.u32(RTA_TABLE, table);
}

/** `struct rtmsg` of a route on an interface; the table is an attribute. */
function fixedPart(family: Family, prefixLength: number): Uint8Array {
  const scope = family === AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return Uint8Array.of(family, prefixLength, 0, 0, 0, RTPROT_IPVSD, scope, RTN_UNICAST, 0, 0, 0, 0);
}

/** `struct rtvia`: a gateway with its family. */
function readVia(view: DataView | undefined): InetAddr | undefined {
  if (view === undefined || view.byteLength < 6) return undefined;
  const family = view.getUint16(0, LITTLE) === AF_INET ? AF_INET : AF_INET6;
  return view.byteLength - 2 < addressBits(family) / 8
    ? undefined
    : inetFromBytes(family, attributeBytes(view), 2);
}
