/** Setting up TUN devices that the kernel is to take any packet from. Everything here is the device's own and goes with it. */
import { IpvsError } from '../errors.js';
import { EEXIST, SystemError } from '../linux/errno.js';
import type { NetlinkSocket } from '../linux/netlink.js';
import { addAddress, RT_SCOPE_HOST } from '../linux/rt-address.js';
import { findLink, setLink } from '../linux/rt-link.js';
import { readSysctl, readSysctlIfAny, writeSysctl } from '../linux/sysctl.js';
import { isTunBusy, TunDevice } from '../linux/tun.js';
import { AF_INET, AF_INET6, type Family, inet4 } from '../wire/inet.js';

/** Bytes; as large as it gets: what does not fit is to be found out where packets leave. */
const MTU = 65_535;
/** Packets that wait to be read. */
const QUEUE = 2000;
/** 192.0.0.8, the address of hosts that have none (RFC 7600). */
const DUMMY_ADDRESS = inet4(0xc0000008 | 0);

/** Families that this namespace has. */
export function presentFamilies(): Family[] {
  const six = readSysctlIfAny('net/ipv6/conf/default/disable_ipv6') === '0';
  return six ? [AF_INET, AF_INET6] : [AF_INET];
}

/** The message of ALREADY_SERVED. */
export function deviceIsHeld(name: string): string {
  return `another process has ${name} in this network namespace`;
}

/** Opens a TUN device with offloads. @throws ALREADY_SERVED when somebody else has it, NOT_PERMITTED, SYSTEM. */
export function openDevice(name: string): TunDevice {
  try {
    return new TunDevice(name);
  } catch (error) {
    if (isTunBusy(error)) {
      throw new IpvsError('ALREADY_SERVED', deviceIsHeld(name));
    }
    if (error instanceof SystemError && /E(PERM|ACCES)$/.test(error.message)) {
      throw new IpvsError('NOT_PERMITTED', `${error.message}: a TUN device needs root, or CAP_NET_ADMIN`);
    }
    throw error;
  }
}

/** Removes a TUN device that lives on without its process. @returns false when it is somebody's, or no such device. */
export function removeDevice(name: string): boolean {
  try {
    const device = new TunDevice(name);
    device.persist(false);
    device.close();
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

/** Brings the device up, without any address of its own: it must not speak by itself. @returns its interface number. */
export function bringUp(socket: NetlinkSocket, { name }: TunDevice, families: readonly Family[]): number {
  const { index } = findLink(socket, name)!;
  if (families.includes(AF_INET6)) {
    setLink(socket, index, { noLinkLocal: true });
    writeSysctl(`net/ipv6/conf/${name}/accept_ra`, '0');
  }
  setLink(socket, index, { mtu: MTU, txQueueLength: QUEUE, up: true });
  return index;
}

/** Lets packets with any source address in: this host's own, loopback's, and those that are routed elsewhere. */
export function acceptAllSources(socket: NetlinkSocket, { name }: TunDevice, ifindex: number): void {
  const conf = `net/ipv4/conf/${name}`;
  writeSysctl(`${conf}/accept_local`, '1');
  writeSysctl(`${conf}/route_localnet`, '1');
  writeSysctl(`${conf}/send_redirects`, '0');
  // the larger of this and the value for all counts: where that is not 0, only 2 lets everything pass, and wants an address
  const strict = readSysctl('net/ipv4/conf/all/rp_filter') !== '0';
  writeSysctl(`${conf}/rp_filter`, strict ? '2' : '0');
  if (!strict) return;
  // of host scope: nobody chooses it as a source
  try {
    addAddress(socket, { ifindex, address: DUMMY_ADDRESS, prefixLength: 32, scope: RT_SCOPE_HOST });
  } catch (error) {
    // a device that was there before has it
    if (!(error instanceof SystemError && error.number === EEXIST)) throw error;
  }
}
