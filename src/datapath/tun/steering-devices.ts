/** The TUN devices of a data path: one for all traffic, and one more for each firewall mark, which a packet cannot carry through. */
import type { NetlinkSocket } from '../../linux/netlink.js';
import { setDefaultRoute } from '../../linux/rt-route.js';
import type { TunDevice } from '../../linux/tun.js';
import type { Family } from '../../wire/inet.js';
import { acceptAllSources, bringUp, openDevice } from '../tun-setup.js';
import { TABLES } from './steering-layout.js';
import type { Input } from './tun-loop.js';

/** Bytes of an interface name. */
const NAME_LENGTH = 15;

/** Opens the devices of one namespace and keeps them. */
export class SteeringDevices {
  readonly main: TunDevice;
  /** Interface number of the main device. */
  readonly ifindex: number;
  readonly #socket: NetlinkSocket;
  readonly #families: readonly Family[];
  readonly #table: number;
  /** By mark; a device stays when its mark is no longer used. */
  readonly #marks = new Map<number, { readonly device: TunDevice; readonly table: number }>();

  /**
   * @param table routing table of the main device; marks have those from the third after it.
   * @throws ALREADY_SERVED when another daemon has the device, NOT_PERMITTED, SYSTEM.
   */
  constructor(socket: NetlinkSocket, families: readonly Family[], name: string, table: number) {
    this.#socket = socket;
    this.#families = families;
    this.#table = table;
    this.main = openDevice(name);
    try {
      this.ifindex = this.#configure(this.main, table);
      // packets are written back here only
      acceptAllSources(socket, this.main, this.ifindex);
    } catch (error) {
      this.main.close();
      throw error;
    }
  }

  /** What is to be read: the main device first. */
  get inputs(): Input[] {
    const marked = [...this.#marks].map(([mark, { device }]) => ({ device, mark }));
    return [{ device: this.main, mark: 0 }, ...marked];
  }

  /** The routing table that leads to the device of a mark. The device is made when it is new. */
  markTable(mark: number): number {
    const known = this.#marks.get(mark);
    if (known !== undefined) return known.table;
    const suffix = `m${mark.toString(16)}`;
    const device = openDevice(`${this.main.name.slice(0, NAME_LENGTH - suffix.length)}${suffix}`);
    const table = this.#table + TABLES + this.#marks.size;
    this.#marks.set(mark, { device, table });
    this.#configure(device, table);
    return table;
  }

  close(): void {
    for (const { device } of this.inputs) device.close();
  }

  #configure(device: TunDevice, table: number): number {
    const index = bringUp(this.#socket, device, this.#families);
    for (const family of this.#families) setDefaultRoute(this.#socket, family, table, index);
    return index;
  }
}
