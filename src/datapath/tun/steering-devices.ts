/** The TUN devices of a data path: one for all traffic, and one more for each firewall mark, which a packet cannot carry through. */
import { IpvsError } from '../../errors.js';
import { SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { addAddress, RT_SCOPE_HOST } from '../../linux/rt-address.js';
import { findLink, setLink } from '../../linux/rt-link.js';
import { setDefaultRoute } from '../../linux/rt-route.js';
import { readSysctl, readSysctlIfAny, writeSysctl } from '../../linux/sysctl.js';
import { isTunBusy, TunDevice } from '../../linux/tun.js';
import { AF_INET, AF_INET6, type Family, inet4 } from '../../wire/inet.js';
import type { Input } from './tun-loop.js';

/** Bytes; as large as it gets: what does not fit is to be found out where packets leave. */
const MTU = 65_535;
/** Packets that wait to be read. */
const QUEUE = 2000;
/** 192.0.0.8, the address of hosts that have none (RFC 7600). */
const DUMMY_ADDRESS = inet4(0xc0000008 | 0);

/** Opens the devices of one namespace and keeps them. */
export class SteeringDevices {
  readonly main: TunDevice;
  /** Interface number of the main device. */
  readonly ifindex: number;
  readonly #socket: NetlinkSocket;
  readonly #families: readonly Family[];
  readonly #table: number;
  readonly #marks = new Map<number, TunDevice>();

  /**
   * @param table routing table of the main device; marks have those that follow.
   * @throws ALREADY_SERVED when another daemon has the device, NOT_PERMITTED, SYSTEM.
   */
  constructor(socket: NetlinkSocket, families: readonly Family[], name: string, table: number) {
    this.#socket = socket;
    this.#families = families;
    this.#table = table;
    this.main = openDevice(name);
    try {
      this.ifindex = this.#configure(this.main, table);
      this.#acceptWhatWeWrite(name);
    } catch (error) {
      this.main.close();
      throw error;
    }
  }

  /** What is to be read: the main device first. */
  get inputs(): Input[] {
    return [{ device: this.main, mark: 0 }, ...[...this.#marks].map(([mark, device]) => ({ device, mark }))];
  }

  /** The routing table that leads to the device of a mark. The device is made when it is new. */
  markTable(mark: number): number {
    let device = this.#marks.get(mark);
    if (device === undefined) {
      device = openDevice(`${this.main.name.slice(0, 6)}m${mark.toString(16)}`);
      this.#marks.set(mark, device);
      this.#configure(device, this.#table + this.#marks.size);
    }
    return this.#table + 1 + [...this.#marks.keys()].indexOf(mark);
  }

  close(): void {
    for (const { device } of this.inputs) device.close();
  }

  #configure(device: TunDevice, table: number): number {
    const { index } = findLink(this.#socket, device.name)!;
    const ipv6 = `net/ipv6/conf/${device.name}`;
    if (this.#families.includes(AF_INET6)) {
      // addresses of its own would make it speak
      setLink(this.#socket, index, { noLinkLocal: true });
      writeSysctl(`${ipv6}/accept_ra`, '0');
    }
    setLink(this.#socket, index, { mtu: MTU, txQueueLength: QUEUE, up: true });
    for (const family of this.#families) setDefaultRoute(this.#socket, family, table, index);
    return index;
  }

  /** What comes out of the director has source addresses from everywhere: this host's own, clients', loopback's. */
  #acceptWhatWeWrite(name: string): void {
    if (!this.#families.includes(AF_INET)) return;
    const ipv4 = `net/ipv4/conf/${name}`;
    writeSysctl(`${ipv4}/accept_local`, '1');
    writeSysctl(`${ipv4}/route_localnet`, '1');
    writeSysctl(`${ipv4}/send_redirects`, '0');
    // the larger of this and the value for all counts: where that is not 0, only 2 lets everything pass, and wants an address
    const strict = readSysctl('net/ipv4/conf/all/rp_filter') !== '0';
    writeSysctl(`${ipv4}/rp_filter`, strict ? '2' : '0');
    if (strict) {
      addAddress(this.#socket, {
        ifindex: findLink(this.#socket, name)!.index,
        address: DUMMY_ADDRESS,
        prefixLength: 32,
        scope: RT_SCOPE_HOST,
      });
    }
  }
}

/** Families that this namespace can forward. */
export function presentFamilies(): Family[] {
  const six = readSysctlIfAny('net/ipv6/conf/default/disable_ipv6') === '0';
  return six ? [AF_INET, AF_INET6] : [AF_INET];
}

function openDevice(name: string): TunDevice {
  try {
    return new TunDevice(name);
  } catch (error) {
    if (isTunBusy(error))
      throw new IpvsError('ALREADY_SERVED', `another daemon has ${name} in this network namespace`);
    if (error instanceof SystemError && /E(PERM|ACCES)$/.test(error.message)) {
      throw new IpvsError('NOT_PERMITTED', `${error.message}: a TUN device needs CAP_NET_ADMIN`);
    }
    throw error;
  }
}
