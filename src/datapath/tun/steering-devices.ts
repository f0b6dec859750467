/** The TUN devices of a data path: one for all traffic, and one more for each firewall mark, which a packet cannot carry through. */
import type { NetlinkSocket } from '../../linux/netlink.js';
import { listLinks } from '../../linux/rt-link.js';
import { setDefaultRoute } from '../../linux/rt-route.js';
import type { TunDevice } from '../../linux/tun.js';
import type { Family } from '../../wire/inet.js';
import { acceptAllSources, bringUp, openDevice, removeDevice } from '../tun-setup.js';
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
  readonly #persist: boolean;

  /**
   * @param table routing table of the main device; marks have those from the third after it.
   * @param persist devices stay when this process ends, until {@link close} is told to remove them.
   * @throws ALREADY_SERVED when another daemon has the device, NOT_PERMITTED, SYSTEM.
   */
  constructor(
    socket: NetlinkSocket,
    families: readonly Family[],
    name: string,
    table: number,
    persist: boolean,
  ) {
    this.#socket = socket;
    this.#families = families;
    this.#table = table;
    this.#persist = persist;
    this.main = openDevice(name);
    try {
      this.main.persist(persist);
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
    const taken = new Set([...this.#marks.values()].map((entry) => entry.table));
    let table = this.#table + TABLES;
    while (taken.has(table)) table++;
    this.#open(mark, table);
    return table;
  }

  /** Opens the devices of marks that an earlier process has left, with the tables that led to them. */
  adopt(marks: Iterable<readonly [mark: number, table: number]>): void {
    for (const [mark, table] of marks) if (!this.#marks.has(mark)) this.#open(mark, table);
  }

  /** Removes devices of marks that an earlier process has left, and nobody has. */
  sweep(): void {
    const ours = new Set(this.inputs.map(({ device }) => device.name));
    for (const { name } of listLinks(this.#socket)) {
      const mark = /m([0-9a-f]{1,8})$/.exec(name)?.[1];
      if (mark === undefined || ours.has(name) || name !== this.#nameFor(Number.parseInt(mark, 16))) continue;
      removeDevice(name);
    }
  }

  /** @param stay persistent devices go on without this process. */
  close(stay = false): void {
    for (const { device } of this.inputs) {
      if (this.#persist && !stay) device.persist(false);
      device.close();
    }
  }

  #nameFor(mark: number): string {
    const suffix = `m${mark.toString(16)}`;
    return `${this.main.name.slice(0, NAME_LENGTH - suffix.length)}${suffix}`;
  }

  #open(mark: number, table: number): void {
    const device = openDevice(this.#nameFor(mark));
    device.persist(this.#persist);
    this.#marks.set(mark, { device, table });
    this.#configure(device, table);
  }

  #configure(device: TunDevice, table: number): number {
    const index = bringUp(this.#socket, device, this.#families);
    for (const family of this.#families) setDefaultRoute(this.#socket, family, table, index);
    return index;
  }
}
