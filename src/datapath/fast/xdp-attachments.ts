/** Where the XDP program runs: in the drivers of interfaces, or in the kernel's general code behind them. */
import { LINK } from '../../ebpf/programs/flow-maps.js';
import { attachXdp, type BpfLink } from '../../linux/bpf-link.js';
import type { BpfMap } from '../../linux/bpf-map.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import { SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import type { Link } from '../../linux/rt-link.js';
import { NETDEV_XDP_ACT_NDO_XMIT, watchXdpFeatures, xdpFeatures } from '../../linux/xdp-features.js';
import type { XdpName } from './names.js';
import { chooseXdp } from './xdp-choice.js';

/** Told of what becomes of interfaces that XDP was chosen for. */
export interface XdpEvents {
  attached(name: string, mode: 'native' | 'generic'): void;
  /** The interface is left to tc. Told once, until the reason is another one. */
  refused(name: string, error: SystemError): void;
}

/** What to attach, and where. */
export interface XdpOptions {
  readonly program: BpfProgram;
  /** {@link LINK} */
  readonly map: BpfMap;
  readonly wish: XdpName;
  /** Names of interfaces; all when left out. */
  readonly names?: readonly string[] | undefined;
  readonly events: XdpEvents;
}

interface Attachment {
  readonly link: BpfLink;
  /** As it is in the map. */
  address: string;
}

/** Keeps the program attached to interfaces that come and go, and their hardware addresses in its map. */
export class XdpAttachments {
  readonly #options: XdpOptions;
  readonly #attached = new Map<number, Attachment>();
  readonly #refused = new Map<number, string>();
  readonly #changes: NetlinkSocket | undefined;
  #features: ReadonlyMap<number, number> | undefined;

  constructor(options: XdpOptions) {
    this.#options = options;
    // subscribed before the first look: no change is missed
    this.#changes = watchXdpFeatures();
    this.#features = xdpFeatures();
  }

  /** Interfaces that it is attached to. */
  get count(): number {
    return this.#attached.size;
  }

  /** Attaches to interfaces that are new, follows those that have changed, and forgets those that are gone. @param links all of the namespace. */
  refresh(links: readonly Link[]): void {
    this.follow();
    const { wish, names } = this.#options;
    const chosen = new Map<number, 'native' | 'generic'>();
    for (const link of links) {
      if (names !== undefined && !names.includes(link.name)) continue;
      const choice = chooseXdp(wish, link, links, this.#features?.get(link.index));
      if ('mode' in choice) chosen.set(link.index, choice.mode);
    }
    for (const ifindex of this.#attached.keys()) if (!chosen.has(ifindex)) this.#detach(ifindex);
    for (const ifindex of this.#refused.keys()) if (!chosen.has(ifindex)) this.#refused.delete(ifindex);
    for (const link of links) {
      const mode = chosen.get(link.index);
      if (mode !== undefined) this.#attach(link, mode);
    }
    // where a program is attached, the driver can be sent to as well
    this.follow();
  }

  /** Takes over what drivers have come to be able to do; never waits. @returns true when there was something. */
  follow(): boolean {
    if (this.#changes === undefined) return false;
    const { messages, lost } = this.#changes.notifications();
    if (messages.length === 0 && !lost) return false;
    this.#features = xdpFeatures();
    return true;
  }

  /** The program can send by this interface. A driver that cannot loses what it is given. */
  canSend(ifindex: number): boolean {
    if (this.count === 0) return false;
    if (this.#options.wish === 'generic') return true;
    if (this.#features === undefined) return this.#attached.has(ifindex);
    return ((this.#features.get(ifindex) ?? 0) & NETDEV_XDP_ACT_NDO_XMIT) !== 0;
  }

  close(): void {
    for (const ifindex of [...this.#attached.keys()]) this.#detach(ifindex);
    this.#changes?.close();
  }

  #attach({ index, name, address }: Link, mode: 'native' | 'generic'): void {
    let attachment = this.#attached.get(index);
    if (attachment === undefined) {
      try {
        attachment = { link: attachXdp(this.#options.program, index, mode), address: '' };
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        if (this.#refused.get(index) !== error.message) this.#options.events.refused(name, error);
        this.#refused.set(index, error.message);
        return;
      }
      this.#attached.set(index, attachment);
      this.#refused.delete(index);
      this.#options.events.attached(name, mode);
    }
    const text = address.join();
    if (attachment.address === text) return;
    this.#write(index, address);
    attachment.address = text;
  }

  #detach(ifindex: number): void {
    this.#write(ifindex, undefined);
    this.#attached.get(ifindex)!.link.close();
    this.#attached.delete(ifindex);
  }

  #write(ifindex: number, address: Uint8Array | undefined): void {
    const { map } = this.#options;
    map.key.setUint32(0, ifindex, true);
    LINK.write(map.value, 0, {
      address: address ?? new Uint8Array(6),
      active: address === undefined ? 0 : 1,
    });
    map.update();
  }
}
