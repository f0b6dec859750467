/** The fast path of one network namespace, from its maps to the interfaces that its programs run at. */
import { tcProgram } from '../../ebpf/programs/tc.js';
import type { Dest } from '../../engine/dest.js';
import type { Carried } from '../../engine/fast-path.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { type BpfProgram, VerifierError } from '../../linux/bpf-program.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { listLinks } from '../../linux/rt-link.js';
import { Attachments } from './attachments.js';
import { FlowCache, type FlowCacheCounters } from './flow-cache.js';
import { Lease } from './lease.js';
import { type FastMaps, loadProgram, openMaps } from './maps.js';
import type { PeerName, XdpName } from './names.js';
import { type NextHopHost, NextHops } from './next-hops.js';
import { type OpeningHost, Openings } from './openings.js';
import { Peers } from './peers.js';
import type { Pins } from './pins.js';
import type { WayHost } from './ways.js';
import { type XdpReport, XdpTier } from './xdp-tier.js';

/** How to set a fast path up. */
export interface FastDatapathOptions {
  /** Where XDP carries packets in front of tc. */
  readonly xdp: XdpName;
  /** Where tc hands packets over to the other end of a veth. @default auto */
  readonly redirectPeer?: PeerName | undefined;
  /** Interfaces at which packets are taken; all Ethernet interfaces when left out. */
  readonly interfaces?: readonly string[] | undefined;
  readonly report: XdpReport;
  /** Where maps and programs are to outlive this process, and those of the last one are taken over. */
  readonly pins?: Pins;
  /** What had been carried for dests when the counters that the engine has were written down: see `FastPath.carried`. */
  readonly carried?: ReadonlyMap<Dest, Carried>;
}

/** Real servers, and next hops of clients, that the fast path can tell apart: 16 bits number them. */
const WAYS = 16_384;

/** A fast path that is attached. It goes with the process. */
export class FastDatapath {
  readonly #cache: FlowCache;
  readonly #attachments: Attachments;
  readonly #xdp: XdpTier | undefined;
  readonly #hops: NextHops;
  readonly #peers: Peers | undefined;
  readonly #lease: Lease;
  readonly #ipvs: NetnsIpvs;
  readonly #host: WayHost & OpeningHost;
  readonly #socket: NetlinkSocket;
  readonly #undo: ((stay: boolean) => void)[] = [];
  #openings: Openings | undefined;
  #generation = -1;

  /** @throws VerifierError, SYSTEM: with EPERM where BPF is not allowed. Nothing is left of it then. */
  constructor(
    ipvs: NetnsIpvs,
    host: WayHost & NextHopHost & OpeningHost,
    socket: NetlinkSocket,
    options: FastDatapathOptions,
  ) {
    const { xdp, redirectPeer, interfaces, report, pins, carried = new Map<Dest, Carried>() } = options;
    this.#ipvs = ipvs;
    this.#host = host;
    this.#socket = socket;
    try {
      // a NAT connection has two flows
      const maps = openMaps({ flows: 2 * ipvs.conns.limit, ways: WAYS }, pins);
      this.#undo.push((stay) => !stay && pins?.remove());
      for (const map of Object.values(maps)) this.#undo.push(() => map.close());
      this.#lease = new Lease(maps.lease);
      this.#undo.push(() => this.#lease.end());
      if (xdp !== 'none') {
        this.#xdp = new XdpTier(maps, { wish: xdp, interfaces, report });
        this.#undo.push(() => this.#xdp!.close());
      }
      if (redirectPeer !== 'none') this.#peers = new Peers(socket);
      this.#hops = new NextHops(
        host,
        (ifindex) => this.#xdp?.canSend(ifindex) === true,
        (ifindex, hardware) => this.#peers?.has(ifindex, hardware, host.now) === true,
      );
      this.#cache = new FlowCache(ipvs, host, maps, this.#hops);
      ipvs.fastPath = this.#cache;
      const program = this.#load(maps);
      this.#undo.push(() => program.close());
      if (pins?.adopted === true) {
        // the program of before opens no connections any more
        this.#lease.end();
        this.#cache.adopt(carried);
      }
      this.#openings?.begin();
      this.#attachments = new Attachments(socket, program, interfaces, pins);
      this.#undo.push((stay) => this.#attachments.close(stay));
      const links = listLinks(socket);
      const refusal = this.#attachments.refresh(links);
      this.#attachments.sweep();
      if (refusal !== undefined && this.#attachments.count === 0) throw refusal;
      this.#xdp?.refresh(links);
      this.#peers?.refresh(links);
    } catch (error) {
      this.close();
      throw error;
    }
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
    this.#openings?.turn();
    this.#cache.retire();
    this.#cache.flush();
    if (!this.#hops.hasChanged()) return;
    this.#xdp?.follow();
    this.#cache.ways.resolve();
    this.#lease.extend();
  }

  /** After commands, before they are answered. */
  refresh(): void {
    if (this.#generation !== this.#host.routeGeneration) {
      this.#generation = this.#host.routeGeneration;
      const links = listLinks(this.#socket);
      this.#attachments.refresh(links);
      this.#xdp?.refresh(links);
      this.#peers?.refresh(links);
      this.#hops.lookAgain();
    }
    this.#cache.refresh();
  }

  /** Loads the program; it opens connections by itself where the kernel knows how to count turns. */
  #load(maps: FastMaps): BpfProgram {
    const openings = new Openings(this.#ipvs, this.#host, this.#cache.ways);
    try {
      const program = loadProgram('tc', tcProgram({ opens: true }), maps, openings.descriptors);
      this.#undo.push(() => openings.close());
      this.#openings = openings;
      this.#cache.openings = openings;
      return program;
    } catch (error) {
      openings.close();
      if (!(error instanceof VerifierError)) throw error;
      return loadProgram('tc', tcProgram(), maps);
    }
  }

  /** @param stay what is pinned goes on without this process. */
  close(stay = false): void {
    this.#ipvs.fastPath = null;
    for (const step of this.#undo.reverse()) step(stay);
    this.#undo.length = 0;
  }
}
