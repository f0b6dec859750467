/** Interface addresses by rtnetlink (`struct ifaddrmsg`). */
import { AF_INET, AF_INET6, type Family, type InetAddr, inetToString } from '../wire/inet.js';
import { attributes, LITTLE, type NetlinkMessage, NLM_F_CREATE, NLM_F_EXCL } from '../wire/netlink.js';
import type { NetlinkSocket } from './netlink.js';
import {
  change,
  dump,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
  readAddress,
  writeAddress,
} from './rtnetlink.js';

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFADDRMSG = 8;
/** Use it at once: nobody else is asked whether they have it. */
const IFA_F_NODAD = 0x02;

/** Scopes of addresses and routes (RT_SCOPE_*). */
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;

/** An address on an interface. */
export interface InterfaceAddress {
  readonly ifindex: number;
  readonly address: InetAddr;
  readonly prefixLength: number;
  readonly scope: number;
  /** For adding an IPv6 address: without duplicate address detection. */
  readonly noDad?: boolean;
}

/** The address that an `RTM_NEWADDR` or `RTM_DELADDR` message is about; undefined for a family that is not IP. */
export function parseAddress({ view }: NetlinkMessage): InterfaceAddress | undefined {
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const a = attributes(view, IFADDRMSG);
  // on a point-to-point link IFA_ADDRESS is the peer
  const address = readAddress(family, a.get(IFA_LOCAL) ?? a.get(IFA_ADDRESS));
  if (address === undefined) return undefined;
  return {
    ifindex: view.getUint32(4, LITTLE),
    address,
    prefixLength: view.getUint8(1),
    scope: view.getUint8(3),
  };
}

/** All addresses of a family. */
export function listAddresses(socket: NetlinkSocket, family: Family): InterfaceAddress[] {
  const fixed = new Uint8Array(IFADDRMSG);
  fixed[0] = family;
  return socket
    .request(dump(RTM_GETADDR, fixed), 'RTM_GETADDR')
    .map(parseAddress)
    .filter((address) => address !== undefined);
}

/** Puts an address on an interface. */
export function addAddress(socket: NetlinkSocket, a: InterfaceAddress): void {
  const message = change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, fixedPart(a));
  writeAddress(message, IFA_LOCAL, a.address);
  writeAddress(message, IFA_ADDRESS, a.address);
  socket.request(message, `RTM_NEWADDR ${inetToString(a.address)}`);
}

/** Takes an address from an interface. */
export function deleteAddress(socket: NetlinkSocket, a: InterfaceAddress): void {
  const message = change(RTM_DELADDR, 0, fixedPart(a));
  writeAddress(message, IFA_LOCAL, a.address);
  socket.request(message, `RTM_DELADDR ${inetToString(a.address)}`);
}

function fixedPart(a: InterfaceAddress): Uint8Array {
  const fixed = Uint8Array.of(
    a.address.family,
    a.prefixLength,
    a.noDad ? IFA_F_NODAD : 0,
    a.scope,
    0,
    0,
    0,
    0,
  );
  new DataView(fixed.buffer).setUint32(4, a.ifindex, LITTLE);
  return fixed;
}
