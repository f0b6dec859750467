/** Neighbours (ARP and neighbour discovery) by rtnetlink (`struct ndmsg`). */
import { AF_INET, AF_INET6, type Family, type InetAddr, inetToString } from '../wire/inet.js';
import {
  attributeBytes,
  attributes,
  LITTLE,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_REQUEST,
} from '../wire/netlink.js';
import { ENOENT, SystemError } from './errno.js';
import type { NetlinkSocket } from './netlink.js';
import { change, RTM_GETNEIGH, RTM_NEWNEIGH, readAddress, writeAddress } from './rtnetlink.js';

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_USE = 1;
const NDMSG = 12;

/** States (NUD_*). */
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
/** States in which the hardware address may be used (`NUD_VALID`). */
export const NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

/** A neighbour on an interface. */
export interface Neighbour {
  readonly ifindex: number;
  readonly address: InetAddr;
  /** NUD_* */
  readonly state: number;
  /** Hardware address, when it is known. */
  readonly hardware: Uint8Array | undefined;
}

/** The neighbour that an `RTM_NEWNEIGH` or `RTM_DELNEIGH` message is about; undefined for a family that is not IP. */
export function parseNeighbour({ view }: NetlinkMessage): Neighbour | undefined {
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const a = attributes(view, NDMSG);
  const address = readAddress(family, a.get(NDA_DST));
  const hardware = a.get(NDA_LLADDR);
  if (address === undefined) return undefined;
  return {
    ifindex: view.getInt32(4, LITTLE),
    address,
    state: view.getUint16(8, LITTLE),
    hardware: hardware && attributeBytes(hardware).slice(),
  };
}

/** The kernel's entry for a neighbour, or undefined when it has none. */
export function getNeighbour(
  socket: NetlinkSocket,
  ifindex: number,
  address: InetAddr,
): Neighbour | undefined {
  const message = new NetlinkWriter(
    RTM_GETNEIGH,
    NLM_F_REQUEST | NLM_F_ACK,
    fixedPart(address.family, ifindex, 0),
  );
  writeAddress(message, NDA_DST, address);
  try {
    return parseNeighbour(socket.request(message, `RTM_GETNEIGH ${inetToString(address)}`)[0]!);
  } catch (error) {
    if (error instanceof SystemError && error.number === ENOENT) return undefined;
    throw error;
  }
}

/** Tells the kernel that the neighbour is in use: it resolves or confirms it, as if it had sent a packet (`NTF_USE`). */
export function useNeighbour(socket: NetlinkSocket, ifindex: number, address: InetAddr): void {
  const message = change(RTM_NEWNEIGH, NLM_F_CREATE, fixedPart(address.family, ifindex, NTF_USE));
  writeAddress(message, NDA_DST, address);
  socket.request(message, `RTM_NEWNEIGH ${inetToString(address)}`);
}

function fixedPart(family: Family, ifindex: number, flags: number): Uint8Array {
  const fixed = new Uint8Array(NDMSG);
  const view = new DataView(fixed.buffer);
  view.setUint8(0, family);
  view.setInt32(4, ifindex, LITTLE);
  view.setUint8(10, flags);
  return fixed;
}
