/** `struct netns_ipvs`: everything IPVS knows in one network namespace. The operations on it live in the files named after the kernel's. */

import { AF_INET } from '../wire/inet.js';
import type { AppConn, AppInc } from './app.js';
import type { ConnFilter } from './conn-filter.js';
import { type ConnRow, listConns } from './conn-list.js';
import { type ConnKey, ConnTable, NO_CONN } from './conn-table.js';
import type { PacketTrack } from './conntrack.js';
import { CtTable } from './ct-table.js';
import {
  addDest,
  addService,
  type DestId,
  delDest,
  delService,
  editDest,
  editService,
  flush,
  getTimeouts,
  setTimeouts,
  type Timeouts,
  zero,
} from './ctl.js';
import { DEBUG_STATE } from './debug.js';
import { updateDefenceLevel } from './defence.js';
import type { Dest, DestUser } from './dest.js';
import { DestTrash } from './dest-trash.js';
import { type Drained, drainDest, undrainDest } from './drain.js';
import type { Ending } from './ending.js';
import { statsView } from './estimator.js';
import type { FastPath } from './fast-path.js';
import type { SyncReceiver } from './host.js';
import { IpHdr } from './iphdr.js';
import type { Net } from './net.js';
import type { PeData } from './persistence-engine.js';
import { procText } from './proc.js';
import { emptyKey, ProtoData } from './protocol.js';
import { protocols } from './protocols.js';
import { RealServerTable } from './real-server-table.js';
import type { SchedulerContext } from './scheduler.js';
import type { SchedulerRegistry } from './schedulers/registry.js';
import type { Service, ServiceId, ServiceUser } from './service.js';
import type { DrainPolicy } from './service-options.js';
import { ServiceTable } from './service-table.js';
import type { StatsView } from './stats.js';
import { Stats } from './stats.js';
import {
  daemons,
  type SyncDaemon,
  type SyncDaemonUser,
  type SyncRole,
  startDaemon,
  stopDaemon,
} from './sync/daemon.js';
import type { MasterThread } from './sync/master.js';
import type { SyncSeq } from './sync/message.js';
import { Sysctls } from './sysctl.js';
import { TimerWheel } from './timer-wheel.js';

/** Of the memory at the start, one page of so many is for messages that wait to be sent. */
const QLEN_PAGES = 32;

/** Where the packet path looks things up. */
export interface Tables {
  readonly conns: ConnTable;
  readonly services: ServiceTable;
  readonly realServers: RealServerTable;
  readonly conntracks: CtTable;
}

/** The namespace's IPVS. Field names are the kernel's in TypeScript spelling. */
export class NetnsIpvs {
  readonly net: Net;
  /** `ip_vs_conn_tab`, of this namespace only. */
  readonly conns: ConnTable;
  readonly connTimers: TimerWheel;
  /** `svc_table`, `svc_fwm_table`. */
  readonly services: ServiceTable;
  readonly schedulers: SchedulerRegistry;
  /** Dests by number; free numbers hold null. */
  readonly dests: (Dest | null)[] = [];
  readonly freeDests: number[] = [];
  /** `rs_table`: dests by their own address. */
  readonly realServers: RealServerTable;
  /** What persistence engines have found, by connection (`pe`, `pe_data`). */
  readonly peData = new Map<number, PeData>();
  /** Applications by protocol and port, the newest first (`app_list`). */
  readonly appList: AppInc[] = [];
  /** Connections that have an application. */
  readonly appConns = new Map<number, AppConn>();
  /** What connection tracking knows. */
  readonly conntracks: CtTable;
  /** The packets in work as tracking sees them: one, and those that it causes. */
  readonly packetTracks: PacketTrack[] = [];
  /** How many of them there are; none while nothing is tracked. */
  trackDepth = 0;
  /** Services for which packets are tracked: IPv4, IPv6. */
  readonly conntrackUsers: [number, number] = [0, 0];
  /** `proto_data_table`, by protocol number. */
  readonly protoData: (ProtoData | undefined)[] = new Array<ProtoData | undefined>(256).fill(undefined);
  readonly sysctls: Sysctls;
  /** `tot_stats`. */
  readonly totStats = new Stats();
  /** Removed dests that connections may still refer to (`dest_trash`). */
  readonly destTrash = new DestTrash();
  /** Dests that are being drained. */
  readonly draining = new Set<Dest>();
  /** Drained ones whose connections are being ended. */
  readonly endings: Ending[] = [];
  /** IPv4 services (`num_services`). */
  numServices = 0;
  /** IPv6 services (`num_services6`). */
  numServices6 = 0;
  /** Services on port 21 (`ftpsvc_counter`). */
  ftpsvcCounter = 0;
  /** Services on port 0 (`nullsvc_counter`). */
  nullsvcCounter = 0;
  /** Services whose persistence engine accepts connections from real servers (`conn_out_counter`). */
  connOutCounter = 0;
  /** Services with timeouts of their own, */
  ownTimeouts = 0;
  /** with an eye on reused client ports, */
  portReusers = 0;
  /** and with short segments for tunnels. */
  mssClampers = 0;
  /** Dests of another family than their service's. */
  mixedAddressFamilyDests = 0;
  /** Bit 1: IPv4 hooks, bit 2: IPv6 hooks. Set while a service of the family exists (`hooks_afmask`). */
  hooksAfmask = 0;
  /** One of so many packets that would open a connection is dropped; 0 for none. */
  dropRate = 0;
  dropCounter = 0;
  /** Packets that were dropped so. */
  dropped = 0;
  /** Whether random entries are dropped each second. */
  dropentry = false;
  /** Idle connections until one is dropped, by the number of their packets (`todrop_counter`). */
  readonly todropCounter = new Int8Array(9);
  /** New connections refused because the table was full. */
  connRefused = 0;
  /** Which sync daemons run: `SYNC_STATE_MASTER`, `SYNC_STATE_BACKUP` (`sync_state`). */
  syncState = 0;
  /** Threads of either daemon, less one (`threads_mask`). */
  threadsMask = 0;
  /** The master's threads (`ms`, `master_tinfo`), while there is one. */
  ms: readonly MasterThread[] | undefined = undefined;
  /** How the master is configured (`mcfg`), */
  mcfg: SyncDaemon | undefined = undefined;
  /** and the backup (`bcfg`). */
  bcfg: SyncDaemon | undefined = undefined;
  /** The backup's threads are their sockets (`backup_tinfo`). */
  backupSockets: readonly SyncReceiver[] | undefined = undefined;
  /** Messages of the sync daemons, since the namespace was made. */
  readonly sync = { sent: 0, sentBytes: 0, discarded: 0, received: 0, malformed: 0 };
  /** Sequence numbers that a master has told of connections whose application is not here. */
  readonly syncSeq = new Map<number, { readonly inSeq: SyncSeq; readonly outSeq: SyncSeq }>();

  /** Told of connections made and about to end, while somebody listens. It may change nothing. */
  onConn: ((made: boolean, c: number) => void) | undefined = undefined;

  /** Told of dests that were drained and have gone. */
  onDrained: ((drained: Drained) => void) | undefined = undefined;

  /** The connection that scheduling made: `conn_schedule`'s second result. */
  scheduled = NO_CONN;
  /** Why scheduling made none: 1 not ours, 0 no dest, -1 drop. */
  ignored = 0;
  /** `conns.foundIn` is that of the packet in work. */
  lookedUp = false;
  /** The short way has found that the packet in work is of no connection. */
  unknown = false;
  /** Ordinary packets of connections are handled by established4.ts and established6.ts. Off, all take the general way, with the same results. */
  shortWay = true;
  /** Carries packets of established connections, where there is one. */
  fastPath: FastPath | null = null;
  /** `debug_level`: what is shown of what happens; see debug.ts. */
  debugLevel = 0;
  /** Hook at which the packet in work is. */
  hook = 0;
  /** The packet in work, and the header inside it when it is an ICMP error. */
  readonly iph = new IpHdr();
  readonly ciph = new IpHdr();
  /** Keys for look-ups; used within one function only. */
  readonly key: ConnKey = emptyKey();
  readonly templateKey: ConnKey = emptyKey();
  readonly schedulerContext: SchedulerContext;

  constructor(net: Net, tables: Partial<Tables> = {}) {
    this.net = net;
    this.conns = tables.conns ?? new ConnTable(net.connLimit, net.random);
    this.services = tables.services ?? new ServiceTable();
    this.realServers = tables.realServers ?? new RealServerTable();
    this.connTimers = new TimerWheel(net.connLimit, net.jiffies);
    this.conntracks = tables.conntracks ?? new CtTable(net.hz);
    this.schedulers = net.schedulers;
    this.sysctls = new Sysctls(net.hz, (name) => {
      if (name === 'drop_packet' || name === 'drop_entry' || name === 'secure_tcp') {
        updateDefenceLevel(this);
      } else if (name === 'debug_level') {
        this.debugLevel = this.sysctls.values.debug_level;
        // the short way shows nothing
        this.shortWay = this.debugLevel < DEBUG_STATE;
      }
    });
    for (const pp of protocols) {
      const pd = new ProtoData(pp);
      this.protoData[pp.protocol] = pd;
      pp.initNetns(this, pd);
    }
    const values = this.sysctls.values;
    values.sync_qlen_max = Math.floor((net.host.bufferPages ?? net.host.availablePages()) / QLEN_PAGES);
    this.schedulerContext = {
      get jiffies() {
        return net.jiffies;
      },
      hz: net.hz,
      randomBelow: (n) => Math.floor((net.random() / 0x1_0000_0000) * n),
      sysctl: (name) => (values as Record<string, number>)[name]! * (name.startsWith('lblc') ? net.hz : 1),
    };
  }

  /** True while the hooks of a family are in place. */
  hooked(family: number): boolean {
    return (this.hooksAfmask & (family === AF_INET ? 1 : 2)) !== 0;
  }

  addService(user: ServiceUser): void {
    addService(this, user);
  }

  editService(user: ServiceUser): void {
    editService(this, user);
  }

  delService(id: ServiceId): void {
    delService(this, id);
  }

  findService(id: ServiceId): Service | undefined {
    return this.services.get(id);
  }

  addDest(id: ServiceId, user: DestUser): void {
    addDest(this, id, user);
  }

  editDest(id: ServiceId, user: DestUser): void {
    editDest(this, id, user);
  }

  delDest(id: ServiceId, which: DestId): void {
    delDest(this, id, which);
  }

  /** Drains a real server: see drain.ts. @throws SERVICE_NOT_FOUND, DEST_NOT_FOUND */
  drainDest(id: ServiceId, which: DestId, policy: DrainPolicy, since?: number): void {
    drainDest(this, id, which, policy, since);
  }

  /** Gives it its weight back. @throws SERVICE_NOT_FOUND, DEST_NOT_FOUND, INVALID */
  undrainDest(id: ServiceId, which: DestId): void {
    undrainDest(this, id, which);
  }

  flush(): void {
    flush(this);
  }

  zero(id?: ServiceId): void {
    zero(this, id);
  }

  setTimeouts(timeouts: Timeouts): void {
    setTimeouts(this, timeouts);
  }

  getTimeouts(): Required<Timeouts> {
    return getTimeouts(this);
  }

  /** Starts a sync daemon. @throws INVALID, NO_DEVICE, DAEMON_RUNNING, SYSTEM */
  startDaemon(user: SyncDaemonUser): void {
    startDaemon(this, user);
  }

  /** Stops a sync daemon. @throws DAEMON_NOT_RUNNING */
  stopDaemon(state: SyncRole): void {
    stopDaemon(this, state);
  }

  /** The sync daemons that run, the master first. */
  daemons(): SyncDaemon[] {
    return daemons(this);
  }

  statsView(stats: Stats): StatsView {
    return statsView(stats);
  }

  listConns(cursor: number, limit: number, filter?: ConnFilter): { entries: ConnRow[]; next?: number } {
    return listConns(this, cursor, limit, filter);
  }

  /** Text of `/proc/net/NAME`. @throws INVALID for a name that is none of them. */
  proc(name: string): string {
    return procText(this, name);
  }
}
