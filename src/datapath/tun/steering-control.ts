/** Keeps the kernel steering what the engine's services ask for. */
import { appOn } from '../../engine/app.js';
import type { Dest } from '../../engine/dest.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { ServiceId } from '../../engine/service.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import type { Rule } from '../../linux/rt-rule.js';
import { steeringRules } from './steering.js';
import { type SteeringLayout, virtualTable, wholeTable } from './steering-layout.js';
import type { SteeringProgram } from './steering-program.js';
import { SteeringTable } from './steering-table.js';
import { serviceKey, Traffic } from './traffic.js';

/** Follows services one by one, and brings the kernel up to date when it is told to. */
export class SteeringControl {
  readonly #layout: SteeringLayout;
  readonly #ifindex: number;
  readonly #traffic = new Traffic(
    (protocol, port) => this.#ipvs !== undefined && appOn(this.#ipvs, protocol, port) !== undefined,
  );
  readonly #table: SteeringTable;
  #ipvs: NetnsIpvs | undefined;
  #program: SteeringProgram | undefined;
  #programWorks = false;
  /** Services that have changed, by their identity; any may have when `#all` is set. */
  readonly #changed = new Map<string, ServiceId>();
  #all = true;
  /** What the kernel was last brought to; undefined when that failed. */
  #rulesVersion: number | undefined;
  #routesVersion: number | undefined;
  /** Dests in the trash that are steered for, */
  #trashed = 0;
  /** and how many had come there when it was last looked through; undefined when it is to be. */
  #trashSeen: number | undefined;

  /** @param ifindex of the TUN device. */
  constructor(socket: NetlinkSocket, layout: SteeringLayout, ifindex: number) {
    this.#layout = layout;
    this.#ifindex = ifindex;
    this.#table = new SteeringTable(socket, layout.families);
  }

  /** Takes the rules, and the routes to virtual addresses, that an earlier process has left for its own. */
  adopt(rules: readonly Rule[]): void {
    const { table } = this.#layout;
    this.#table.adopt(rules, [virtualTable(table), wholeTable(table)]);
  }

  /** Steers for these services from the next `sync` on. */
  attach(ipvs: NetnsIpvs): void {
    this.#ipvs = ipvs;
  }

  /** Steers by this program too, from the next `sync` on: before rules, which remain for what it does not see. */
  use(program: SteeringProgram): void {
    this.#program = program;
  }

  /** A service or its dests have changed; without `id`, any may have. */
  changed(id?: ServiceId): void {
    if (id === undefined) this.#all = true;
    else this.#changed.set(serviceKey(id), id);
  }

  /** There is something to do for `sync`: it failed, dests have been removed, or the program is to work or to rest. */
  get behind(): boolean {
    return (
      this.#rulesVersion === undefined ||
      this.#trashSeen !== this.#ipvs?.destTrash.added ||
      this.#programWorks !== this.#programMay
    );
  }

  /** Looks whether connections of removed dests have ended: `sync` has something to do then. To be called once a second. */
  tick(): void {
    if (this.#liveTrash().length !== this.#trashed) this.#trashSeen = undefined;
  }

  /**
   * Marks are set where programs at the ingress do not see them, and go before addresses. With `conntrack` the kernel's firewall is to see all packets, and may
   * have changed their addresses.
   */
  get #programMay(): boolean {
    return this.#traffic.marks.size === 0 && this.#ipvs?.sysctls.values.conntrack === 0;
  }

  /** Brings the kernel up to date. What fails is tried again the next time. @throws SystemError */
  sync(): void {
    this.#follow();
    const traffic = this.#traffic;
    this.#programWorks = this.#programMay;
    if (this.#programWorks) this.#program?.attach(traffic.places);
    else this.#program?.detach();
    const [rulesVersion, routesVersion] = [traffic.rulesVersion, traffic.routesVersion];
    if (this.#rulesVersion === rulesVersion && this.#routesVersion === routesVersion) return;
    const rulesStand = this.#rulesVersion === rulesVersion;
    this.#rulesVersion = undefined;
    const { table } = this.#layout;
    const tables = [
      [virtualTable(table), traffic.addresses],
      [wholeTable(table), traffic.wholeAddresses],
    ] as const;
    for (const [number, addresses] of tables) this.#table.addRoutes(number, addresses, this.#ifindex);
    if (!rulesStand) this.#table.applyRules(steeringRules(traffic, this.#layout));
    for (const [number, addresses] of tables) this.#table.removeRoutes(number, addresses);
    this.#rulesVersion = rulesVersion;
    this.#routesVersion = routesVersion;
  }

  /** Takes over what has changed in the engine. */
  #follow(): void {
    const ipvs = this.#ipvs;
    if (ipvs === undefined) return;
    if (this.#all) {
      this.#traffic.clearServices();
      for (const service of ipvs.services) this.#traffic.setService(service, service);
    } else for (const id of this.#changed.values()) this.#traffic.setService(id, ipvs.findService(id));
    this.#all = false;
    this.#changed.clear();
    // after all has been removed there may be a hundred thousand of them
    if (this.#trashSeen === ipvs.destTrash.added) return;
    this.#trashSeen = ipvs.destTrash.added;
    const trash = this.#liveTrash();
    this.#traffic.setTrash(trash);
    this.#trashed = trash.length;
  }

  /** Removed dests to which connections still refer: few, of what may be very many. */
  #liveTrash(): Dest[] {
    const live: Dest[] = [];
    for (const dest of this.#ipvs?.destTrash ?? []) if (dest.refcnt > 0) live.push(dest);
    return live;
  }
}
