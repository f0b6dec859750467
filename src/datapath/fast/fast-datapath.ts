/** The fast path of one network namespace, from its maps to the interfaces that its programs run at. */
import { tcProgram } from '../../ebpf/programs/tc.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { listLinks } from '../../linux/rt-link.js';
import { Attachments } from './attachments.js';
import { FlowCache, type FlowCacheCounters } from './flow-cache.js';
import { loadProgram, openMaps } from './maps.js';
import type { XdpName } from './names.js';
import type { NextHopHost } from './next-hops.js';
import type { WayHost } from './ways.js';
import { type XdpReport, XdpTier } from './xdp-tier.js';

/** How to set a fast path up. */
export interface FastDatapathOptions {
  /** Where XDP carries packets in front of tc. */
  readonly xdp: XdpName;
  /** Interfaces at which packets are taken; all Ethernet interfaces when left out. */
  readonly interfaces?: readonly string[] | undefined;
  readonly report: XdpReport;
}

/** Real servers, and next hops of clients, that the fast path can tell apart: 16 bits number them. */
const WAYS = 16_384;

/** A fast path that is attached. It goes with the process. */
export class FastDatapath {
  readonly #cache: FlowCache;
  readonly #attachments: Attachments;
  readonly #xdp: XdpTier | undefined;
  readonly #ipvs: NetnsIpvs;
  readonly #host: WayHost;
  readonly #socket: NetlinkSocket;
  readonly #undo: (() => void)[] = [];
  #generation = -1;

  /** @throws VerifierError, SYSTEM: with EPERM where BPF is not allowed. Nothing is left of it then. */
  constructor(
    ipvs: NetnsIpvs,
    host: WayHost & NextHopHost,
    socket: NetlinkSocket,
    { xdp, interfaces, report }: FastDatapathOptions,
  ) {
    this.#ipvs = ipvs;
    this.#host = host;
    this.#socket = socket;
    try {
      // a NAT connection has two flows
      const maps = openMaps({ flows: 2 * ipvs.conns.limit, ways: WAYS });
      for (const map of Object.values(maps)) this.#undo.push(() => map.close());
      const program = loadProgram('tc', tcProgram(), maps);
      this.#undo.push(() => program.close());
      if (xdp !== 'none') {
        this.#xdp = new XdpTier(host, maps, { wish: xdp, interfaces, report });
        this.#undo.push(() => this.#xdp!.close());
      }
      this.#cache = new FlowCache(ipvs, host, maps, this.#xdp?.hops);
      this.#attachments = new Attachments(socket, program, interfaces);
      this.#undo.push(() => this.#attachments.close());
      const links = listLinks(socket);
      const refusal = this.#attachments.refresh(links);
      if (refusal !== undefined && this.#attachments.count === 0) throw refusal;
      this.#xdp?.refresh(links);
    } catch (error) {
      this.close();
      throw error;
    }
    ipvs.fastPath = this.#cache;
  }

  /** What became of connections, and of packets until now. */
  get counters(): FlowCacheCounters {
    this.#cache.fold();
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
    if (this.#xdp?.hasChanged() === true) this.#cache.ways.resolve();
  }

  /** After commands, before they are answered. */
  refresh(): void {
    if (this.#generation !== this.#host.routeGeneration) {
      this.#generation = this.#host.routeGeneration;
      const links = listLinks(this.#socket);
      this.#attachments.refresh(links);
      this.#xdp?.refresh(links);
    }
    this.#cache.refresh();
  }

  close(): void {
    this.#ipvs.fastPath = null;
    for (const step of this.#undo.reverse()) step();
    this.#undo.length = 0;
  }
}
