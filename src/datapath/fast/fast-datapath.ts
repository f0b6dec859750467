/** The fast path of one network namespace, from its maps to the interfaces that its program runs at. */
import { tcProgram } from '../../ebpf/programs/tc.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { Attachments } from './attachments.js';
import { FlowCache, type FlowCacheCounters } from './flow-cache.js';
import { loadProgram, openMaps } from './maps.js';
import type { WayHost } from './ways.js';

/** How to set a fast path up. */
export interface FastDatapathOptions {
  /** Interfaces at which packets are taken; all Ethernet interfaces when left out. */
  readonly interfaces?: readonly string[];
}

/** Real servers, and next hops of clients, that the fast path can tell apart: 16 bits number them. */
const WAYS = 16_384;

/** A fast path that is attached. It goes with the process. */
export class FastDatapath {
  readonly #cache: FlowCache;
  readonly #attachments: Attachments;
  readonly #ipvs: NetnsIpvs;
  readonly #host: WayHost;
  readonly #undo: (() => void)[] = [];
  #generation = -1;

  /** @throws VerifierError, SYSTEM: with EPERM where BPF is not allowed. Nothing is left of it then. */
  constructor(ipvs: NetnsIpvs, host: WayHost, socket: NetlinkSocket, { interfaces }: FastDatapathOptions) {
    this.#ipvs = ipvs;
    this.#host = host;
    try {
      // a NAT connection has two flows
      const maps = openMaps({ flows: 2 * ipvs.conns.limit, ways: WAYS });
      for (const map of Object.values(maps)) this.#undo.push(() => map.close());
      const program = loadProgram('tc', tcProgram(), maps);
      this.#undo.push(() => program.close());
      this.#cache = new FlowCache(ipvs, host, maps);
      this.#attachments = new Attachments(socket, program, interfaces);
      this.#undo.push(() => this.#attachments.close());
      const refusal = this.#attachments.refresh();
      if (refusal !== undefined && this.#attachments.count === 0) throw refusal;
    } catch (error) {
      this.close();
      throw error;
    }
    ipvs.fastPath = this.#cache;
  }

  get counters(): FlowCacheCounters {
    return this.#cache.counters;
  }

  /** Before packets are sent: their connections are installed, so that the answers find them. */
  flush(): void {
    this.#cache.flush();
  }

  /** After each turn of the loop: installs what waits, follows the kernel's changes. */
  turn(): void {
    if (this.#generation !== this.#host.routeGeneration) this.refresh();
    this.#cache.flush();
  }

  /** After commands, before they are answered. */
  refresh(): void {
    if (this.#generation !== this.#host.routeGeneration) {
      this.#generation = this.#host.routeGeneration;
      this.#attachments.refresh();
    }
    this.#cache.refresh();
  }

  close(): void {
    this.#ipvs.fastPath = null;
    for (const step of this.#undo.reverse()) step();
    this.#undo.length = 0;
  }
}
