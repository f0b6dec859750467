/** rtnetlink(7): what its subjects (links, addresses, routes, rules, neighbours: one file each) have in common. */
import { AF_INET, type Family, type InetAddr, inetBytes, inetFromBytes } from '../wire/inet.js';
import { attributeBytes, NetlinkWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from '../wire/netlink.js';
import { NetlinkSocket } from './netlink.js';

export const NETLINK_ROUTE = 0;

/** Message types: NEW is the base, DEL one and GET two more. */
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

/** Multicast groups. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV4_RULE = 8;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;
export const RTNLGRP_IPV6_RULE = 19;

/** The routing table of local addresses, which every namespace has. */
export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** Marks rules and routes as ipvsd's (`FRA_PROTOCOL`, `RTA_PROTOCOL`), so that leftovers can be told from others' work. */
export const RTPROT_IPVSD = 118;

/** A socket for requests. */
export function openRtnetlink(): NetlinkSocket {
  return new NetlinkSocket(NETLINK_ROUTE);
}

/** A socket that is told of changes of `groups`. */
export function subscribeRtnetlink(groups: readonly number[]): NetlinkSocket {
  return new NetlinkSocket(NETLINK_ROUTE, groups);
}

/** A message that changes something and is acknowledged. */
export function change(type: number, flags: number, fixed: Uint8Array): NetlinkWriter {
  return new NetlinkWriter(type, flags | NLM_F_REQUEST | NLM_F_ACK, fixed);
}

/** A message that asks for everything of a kind. */
export function dump(type: number, fixed: Uint8Array): NetlinkWriter {
  return new NetlinkWriter(type, NLM_F_REQUEST | NLM_F_DUMP, fixed);
}

/** Bits of an address of the family. */
export function addressBits(family: Family): number {
  return family === AF_INET ? 32 : 128;
}

/** An attribute that holds an address. */
export function readAddress(family: Family, view: DataView | undefined): InetAddr | undefined {
  if (view === undefined || view.byteLength * 8 !== addressBits(family)) return undefined;
  return inetFromBytes(family, attributeBytes(view));
}

/** Adds an attribute that holds an address. */
export function writeAddress(message: NetlinkWriter, type: number, address: InetAddr | undefined): void {
  if (address !== undefined) message.bytesAttribute(type, inetBytes(address));
}
