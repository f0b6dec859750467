/** What drivers can do for XDP, by the `netdev` family of generic netlink (Linux 6.3): asked for, without attaching anything. */

import { attributes, LITTLE, NetlinkWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from '../wire/netlink.js';
import { ENOENT, SystemError } from './errno.js';
import { NetlinkSocket } from './netlink.js';

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
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
  const socket = new NetlinkSocket(NETLINK_GENERIC);
  try {
    const ask = new NetlinkWriter(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, header(CTRL_CMD_GETFAMILY)).text(
      CTRL_ATTR_FAMILY_NAME,
      'netdev',
    );
    const [family] = socket.request(ask, 'CTRL_CMD_GETFAMILY netdev');
    const id = attributes(family!.view, GENLMSGHDR).get(CTRL_ATTR_FAMILY_ID)!.getUint16(0, LITTLE);
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
