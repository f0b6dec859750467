/** Network interfaces by rtnetlink (`struct ifinfomsg`). */

import {
  attributeBytes,
  attributes,
  attributeText,
  LITTLE,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_REQUEST,
} from '../wire/netlink.js';
import { ENODEV, SystemError } from './errno.js';
import type { NetlinkSocket } from './netlink.js';
import { change, dump, RTM_GETLINK, RTM_NEWLINK } from './rtnetlink.js';

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_QDISC = 6;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_AF_SPEC = 26;
const IFLA_LINK_NETNSID = 37;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const IFLA_TARGET_NETNSID = 46;
const IFLA_PARENT_DEV_BUS_NAME = 57;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const AF_INET6 = 10;

export const IFF_UP = 1;
/** Hardware types (ARPHRD_*) with an Ethernet header. */
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;

const IFINFOMSG = 16;

/** An interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_* */
  readonly type: number;
  readonly mtu: number;
  readonly up: boolean;
  /** Hardware address; empty when it has none. */
  readonly address: Uint8Array;
  /** Of what was made by `ip link add type KIND`; else empty. */
  readonly kind: string;
  /** What its device is plugged into, e.g. `pci`, `virtio`; empty when it has no device, or before Linux 5.14. */
  readonly bus: string;
  /** The bridge, bond or VRF that it belongs to; 0 for none. */
  readonly master: number;
  /** What it stands on: of a VLAN the interface below, of a veth its peer, by the number that it has in the peer's namespace; 0 for none. */
  readonly lower: number;
  /** The namespace of `lower`, by the number that ours has for it; left out when that is ours, or none is known. */
  readonly lowerNetns?: number | undefined;
  /** Its queueing discipline, e.g. `noqueue`. */
  readonly qdisc?: string | undefined;
  /** An XDP program runs at it. */
  readonly xdp?: boolean | undefined;
}

/** Settings to change; what is left out stays. */
export interface LinkSettings {
  readonly up?: boolean;
  readonly mtu?: number;
  /** Packets that wait for the reader. */
  readonly txQueueLength?: number;
  /** Leaves the interface without an IPv6 link-local address of its own making. */
  readonly noLinkLocal?: boolean;
}

/** The interface that an `RTM_NEWLINK` or `RTM_DELLINK` message is about. */
export function parseLink({ view }: NetlinkMessage): Link {
  const a = attributes(view, IFINFOMSG);
  const address = a.get(IFLA_ADDRESS);
  const info = a.get(IFLA_LINKINFO);
  const bus = a.get(IFLA_PARENT_DEV_BUS_NAME);
  const kind = info && attributes(info, 0).get(IFLA_INFO_KIND);
  const netns = a.get(IFLA_LINK_NETNSID)?.getInt32(0, LITTLE) ?? -1;
  const qdisc = a.get(IFLA_QDISC);
  const xdp = a.get(IFLA_XDP);
  return {
    index: view.getInt32(4, LITTLE),
    name: attributeText(a.get(IFLA_IFNAME)!),
    type: view.getUint16(2, LITTLE),
    mtu: a.get(IFLA_MTU)?.getUint32(0, LITTLE) ?? 0,
    up: (view.getUint32(8, LITTLE) & IFF_UP) !== 0,
    address: address === undefined ? new Uint8Array(0) : attributeBytes(address).slice(),
    kind: kind === undefined ? '' : attributeText(kind),
    bus: bus === undefined ? '' : attributeText(bus),
    master: a.get(IFLA_MASTER)?.getUint32(0, LITTLE) ?? 0,
    lower: a.get(IFLA_LINK)?.getUint32(0, LITTLE) ?? 0,
    ...(netns >= 0 && { lowerNetns: netns }),
    ...(qdisc !== undefined && { qdisc: attributeText(qdisc) }),
    xdp: (xdp ? (attributes(xdp, 0).get(IFLA_XDP_ATTACHED)?.getUint8(0) ?? 0) : 0) !== 0,
  };
}

/** All interfaces of the namespace. */
export function listLinks(socket: NetlinkSocket): Link[] {
  return socket
    .request(dump(RTM_GETLINK, new Uint8Array(IFINFOMSG)), 'RTM_GETLINK')
    .filter((m) => m.type === RTM_NEWLINK)
    .map(parseLink);
}

/** The interface of that name, or undefined. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  const message = new NetlinkWriter(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, new Uint8Array(IFINFOMSG)).text(
    IFLA_IFNAME,
    name,
  );
  try {
    return socket.request(message, `RTM_GETLINK ${name}`).map(parseLink)[0];
  } catch (error) {
    if (error instanceof SystemError && error.number === ENODEV) return undefined;
    throw error;
  }
}

/**
 * The interface of that number.
 * @param netns the namespace that it is in, by the number that ours has for it; ours when left out.
 * @throws SYSTEM, with ENODEV when there is none.
 */
export function getLink(socket: NetlinkSocket, index: number, netns?: number): Link {
  const fixed = new Uint8Array(IFINFOMSG);
  new DataView(fixed.buffer).setInt32(4, index, LITTLE);
  const message = new NetlinkWriter(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, fixed);
  if (netns !== undefined) message.u32(IFLA_TARGET_NETNSID, netns);
  return parseLink(socket.request(message, `RTM_GETLINK ${index}`)[0]!);
}

/** Changes an interface. */
export function setLink(socket: NetlinkSocket, index: number, settings: LinkSettings): void {
  const fixed = new Uint8Array(IFINFOMSG);
  const view = new DataView(fixed.buffer);
  view.setInt32(4, index, LITTLE);
  if (settings.up !== undefined) {
    view.setUint32(8, settings.up ? IFF_UP : 0, LITTLE);
    view.setUint32(12, IFF_UP, LITTLE);
  }
  const message = change(RTM_NEWLINK, 0, fixed);
  if (settings.mtu !== undefined) message.u32(IFLA_MTU, settings.mtu);
  if (settings.txQueueLength !== undefined) message.u32(IFLA_TXQLEN, settings.txQueueLength);
  if (settings.noLinkLocal === true) {
    message.nested(IFLA_AF_SPEC, (spec) =>
      spec.nested(AF_INET6, (inet6) => inet6.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)),
    );
  }
  socket.request(message, `RTM_NEWLINK ${index}`);
}
