import { NetlinkSocket } from '../../src/linux/netlink.js';
import { enterNetns } from '../../src/linux/netns.js';
import { findLink } from '../../src/linux/rt-link.js';

const NETLINK_ROUTE = 0;

/** An interface. */
export interface Place {
  readonly netns: string;
  readonly link: string;
}

/** Moves this thread to the place's namespace and finds its interface. @throws when there is none. */
export function go({ netns, link }: Place): { readonly index: number; readonly address: Uint8Array } {
  enterNetns(netns);
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    const found = findLink(socket, link);
    if (found === undefined) throw new Error(`no interface ${link} in namespace ${netns}`);
    return found;
  } finally {
    socket.close();
  }
}
