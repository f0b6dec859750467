/** `struct ip_vs_dest`: a real server of a virtual service. */
import type { InetAddr } from '../wire/inet.js';
import type { Drain } from './drain.js';
import { DEST_F_AVAILABLE, DEST_F_OVERLOAD, TUNNEL_ENCAP_FLAG_NOCSUM, TUNNEL_TYPE_IPIP } from './flags.js';
import type { Route } from './host.js';
import type { Service } from './service.js';
import { type DestOptions, type DrainEnd, NO_OPTIONS, type OptionsUser } from './service-options.js';
import { Stats } from './stats.js';

/** What identifies and configures a dest (`struct ip_vs_dest_user_kern`). Ports are host-order numbers. */
export interface DestUser {
  readonly addr: InetAddr;
  readonly port: number;
  /** Forwarding method, `CONN_F_MASQ` ... `CONN_F_BYPASS`. */
  readonly connFlags: number;
  /** 0..2^31-1; 0 takes no new connections. */
  readonly weight: number;
  /** Upper connection threshold, 0 for none. */
  readonly uThreshold: number;
  readonly lThreshold: number;
  readonly tunType: number;
  readonly tunPort: number;
  readonly tunFlags: number;
  /** As they are when left out. */
  readonly options?: OptionsUser<DestOptions>;
}

/** A real server. Schedulers read it; only the engine's control operations and connections change it. */
export class Dest {
  /** Number that connections hold instead of a reference. */
  readonly index: number;
  readonly addr: InetAddr;
  readonly port: number;
  /** Method, `CONN_F_INACTIVE`, and `CONN_F_NOOUTPUT` unless it is NAT. */
  connFlags = 0;
  weight = 0;
  /** The newest weight that was not 0. */
  lastWeight = 0;
  /** `DEST_F_AVAILABLE`, `DEST_F_OVERLOAD`. */
  flags = 0;
  uThreshold = 0;
  lThreshold = 0;
  activeconns = 0;
  /** Active and inactive together; templates are not counted. */
  totalconns = 0;
  /** Templates bound to it. */
  persistconns = 0;
  tunType = TUNNEL_TYPE_IPIP;
  tunPort = 0;
  tunFlags = TUNNEL_ENCAP_FLAG_NOCSUM;
  /** What the kernel has no words for. */
  options: DestOptions = NO_OPTIONS;
  /** It is being drained. */
  drain: Drain | null = null;
  /** In the trash: what its connections are told. */
  ending: DrainEnd = 'none';
  readonly stats = new Stats();
  /** TCP connections that were answered: they have become established. */
  answered = 0;
  /** TCP connections that were refused by RST, and SYNs that had to be repeated, each time. */
  unanswered = 0;
  /** It is for health checks alone: none of its service's servers. */
  probe = false;
  /** Connections and templates that refer to it. */
  refcnt = 0;
  /** The service it belongs to, also while it is in the trash. */
  svc: Service | null = null;
  /** Port that it is kept under among real servers, -1 while it is not there (`in_rs_table`), */
  rsPort = -1;
  /** and its method and kind of tunnel there. */
  rsKind = 0;
  /** Identity of its service, for finding it in the trash again. */
  readonly protocol: number;
  readonly vaddr: InetAddr;
  readonly vport: number;
  readonly vfwmark: number;
  /** Jiffies when it was found idle in the trash; 0 when it is not idle. */
  idleStart = 0;
  /** `dest_dst`: the cached route, good for `routeGeneration`. */
  route: Route | undefined = undefined;
  routeGeneration = -1;
  /** The route was looked up for direct routing (`FLOWI_FLAG_KNOWN_NH`): it leads to this dest, whatever the packet's own destination. */
  routeKnownNh = false;

  constructor(index: number, svc: Service, addr: InetAddr, port: number) {
    this.index = index;
    this.svc = svc;
    this.addr = addr;
    this.port = port;
    this.protocol = svc.protocol;
    this.vaddr = svc.addr;
    this.vport = svc.port;
    this.vfwmark = svc.fwmark;
  }

  /** Inactive connections (`ip_vs_dest_inactconns`). */
  get inactconns(): number {
    return Math.max(this.totalconns - this.activeconns, 0);
  }

  /** Bound to a service that exists. */
  get available(): boolean {
    return (this.flags & DEST_F_AVAILABLE) !== 0;
  }

  /** Has reached its upper threshold. */
  get overloaded(): boolean {
    return (this.flags & DEST_F_OVERLOAD) !== 0;
  }
}
