/** `struct ip_vs_service`: a virtual service. */
import type { Family, InetAddr } from '../wire/inet.js';
import type { Dest } from './dest.js';
import { SVC_F_ONEPACKET, SVC_F_PERSISTENT } from './flags.js';
import type { PersistenceEngine } from './persistence-engine.js';
import type { Scheduler } from './scheduler.js';
import { NO_OPTIONS, type OptionsUser, type ServiceOptions } from './service-options.js';
import type { OwnTimeouts } from './state-timeouts.js';
import { Stats } from './stats.js';
import type { Turns } from './turns.js';

/** What identifies a service: family and (fwmark, or protocol, address and port). */
export interface ServiceId {
  readonly family: Family;
  readonly protocol: number;
  readonly addr: InetAddr;
  readonly port: number;
  /** Not 0 for a firewall-mark service; protocol, address and port then mean nothing. */
  readonly fwmark: number;
}

/** What configures a service (`struct ip_vs_service_user_kern`). */
export interface ServiceUser extends ServiceId {
  /** Scheduler name, or `none`. */
  readonly schedName: string;
  /** Persistence engine name, or empty. */
  readonly peName: string;
  /** `SVC_F_*` bits. */
  readonly flags: number;
  /** Persistence timeout, seconds. */
  readonly timeout: number;
  /** IPv4: mask as a host-order 32-bit integer. IPv6: prefix length. */
  readonly netmask: number;
  /** As they are when left out. */
  readonly options?: OptionsUser<ServiceOptions>;
}

/** A virtual service. */
export class Service implements ServiceId {
  readonly family: Family;
  readonly protocol: number;
  readonly addr: InetAddr;
  readonly port: number;
  readonly fwmark: number;
  flags = 0;
  /** Persistence timeout, jiffies. */
  timeout = 0;
  netmask = 0;
  /** Real servers in the kernel's list order: the newest first. */
  readonly destinations: Dest[] = [];
  scheduler: Scheduler | null = null;
  /** The scheduler's own state for this service (`sched_data`); only the scheduler that put it there reads it. */
  schedData: unknown = undefined;
  /** The fast path opens connections as well, in the scheduler's turn; null while it does not, and from each change on until it has taken that over. */
  turns: Turns | null = null;
  pe: PersistenceEngine | null = null;
  /** Connection tracking is at work for it (`conntrack_afmask`). */
  conntrack = false;
  /** Where connections of this host go that health checks make, by their source ports; null while there are none. */
  probes: Map<number, Dest> | null = null;
  /** What the kernel has no words for. */
  options: ServiceOptions = NO_OPTIONS;
  /** `options.timeouts` in jiffies. */
  ownTimeouts: OwnTimeouts | undefined = undefined;
  readonly stats = new Stats();

  constructor(id: ServiceId) {
    this.family = id.family;
    this.protocol = id.protocol;
    this.addr = id.addr;
    this.port = id.port;
    this.fwmark = id.fwmark;
  }

  get persistent(): boolean {
    return (this.flags & SVC_F_PERSISTENT) !== 0;
  }

  get onePacket(): boolean {
    return (this.flags & SVC_F_ONEPACKET) !== 0;
  }
}
