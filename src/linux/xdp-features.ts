/** What drivers can do for XDP, by the `netdev` family of generic netlink (Linux 6.3): asked for, without attaching anything. */

import {
  attributes,
  attributeText,
  LITTLE,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
} from '../wire/netlink.js';
import { ENOENT, SystemError } from './errno.js';
import { NetlinkSocket } from './netlink.js';

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_MCAST_GROUPS = 7;
const CTRL_ATTR_MCAST_GRP_NAME = 1;
const CTRL_ATTR_MCAST_GRP_ID = 2;
/** The group that is told of changes of interfaces. */
const NETDEV_MCGRP_MGMT = 'mgmt';
const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;
const GENLMSGHDR = 4;

/** Bits of the features: programs run in the driver, */
export const NETDEV_XDP_ACT_BASIC = 1;
/** can send to other interfaces, */
export const NETDEV_XDP_ACT_REDIRECT = 2;
/** and others can send by this one. */
export const NETDEV_XDP_ACT_NDO_XMIT = 4;

/** Features of each interface of the namespace by its number; undefined where the kernel does not tell. */
export function xdpFeatures(): Map<number, number> | undefined {
  return withFamily((socket, family) => {
    const id = family.get(CTRL_ATTR_FAMILY_ID)!.getUint16(0, LITTLE);
    const devices = socket.request(
      new NetlinkWriter(id, NLM_F_REQUEST | NLM_F_DUMP, header(NETDEV_CMD_DEV_GET)),
      'NETDEV_CMD_DEV_GET',
    );
    return new Map(
      devices.map(({ view }) => {
        const a = attributes(view, GENLMSGHDR);
        return [
          a.get(NETDEV_A_DEV_IFINDEX)!.getUint32(0, LITTLE),
          a.get(NETDEV_A_DEV_XDP_FEATURES)?.getUint32(0, LITTLE) ?? 0,
        ];
      }),
    );
  });
}

/** A socket that is told when features change; undefined where the kernel does not tell. */
export function watchXdpFeatures(): NetlinkSocket | undefined {
  return withFamily((_, family) => {
    const groups = attributes(family.get(CTRL_ATTR_MCAST_GROUPS)!, 0);
    for (const group of groups.values()) {
      const a = attributes(group, 0);
      if (attributeText(a.get(CTRL_ATTR_MCAST_GRP_NAME)!) === NETDEV_MCGRP_MGMT)
        return new NetlinkSocket(NETLINK_GENERIC, [a.get(CTRL_ATTR_MCAST_GRP_ID)!.getUint32(0, LITTLE)]);
    }
    return undefined;
  });
}

/** Calls `use` with the attributes of the family `netdev`, if the kernel has it. */
function withFamily<T>(
  use: (socket: NetlinkSocket, family: Map<number, DataView>) => T | undefined,
): T | undefined {
  const socket = new NetlinkSocket(NETLINK_GENERIC);
  try {
    const ask = new NetlinkWriter(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, header(CTRL_CMD_GETFAMILY)).text(
      CTRL_ATTR_FAMILY_NAME,
      'netdev',
    );
    const [family] = socket.request(ask, 'CTRL_CMD_GETFAMILY netdev');
    return use(socket, attributes(family!.view, GENLMSGHDR));
  } catch (error) {
    if (error instanceof SystemError && error.number === ENOENT) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

/** `struct genlmsghdr` */
function header(command: number): Uint8Array {
  return Uint8Array.of(command, 1, 0, 0);
}
