/** `struct net`: one network namespace, as far as IPVS is concerned. The way into the engine. */
import type { Packet } from '../wire/packet.js';
import { registerFtp } from './app-ftp.js';
import { connTimer, expireNodestConns } from './conn.js';
import { receive } from './core.js';
import { updateDefenceLevel } from './defence.js';
import { collectTrash, TRASH_PERIOD } from './dest-trash.js';
import { checkDrains } from './drain.js';
import { dropEntries } from './drop-entry.js';
import { probeIdle } from './ending.js';
import { EST_PERIOD, estimate } from './estimator.js';
import { foresee } from './foresee.js';
import type { Host } from './host.js';
import { NetnsIpvs, type Tables } from './netns-ipvs.js';
import { FTP_PORT } from './schedule.js';
import { SchedulerRegistry } from './schedulers/registry.js';
import { SYNC_PORTS_MAX } from './sync/daemon.js';
import { checkMaster, wakeMaster } from './sync/master.js';
import { TimerWheel } from './timer-wheel.js';

/** What a namespace is made of. */
export interface NetOptions {
  readonly host: Host;
  /** Uniform unsigned 32-bit integers. */
  readonly random: () => number;
  /** Jiffies a second. @default 100 */
  readonly hz?: number;
  /** Most connections; a new one beyond that is refused and counted. @default 1048576 */
  readonly connLimit?: number;
  /** What listings call the size of the connection table, as a power of two. It has no effect. @default 12 */
  readonly connTabBits?: number;
  /** Schedulers to choose from. @default the kernel's fifteen */
  readonly schedulers?: SchedulerRegistry;
  /** TCP ports on which the FTP helper looks at connections, eight at most. @default 21 */
  readonly ftpPorts?: readonly number[];
  /** Tables to use in place of empty ones. */
  readonly tables?: Partial<Tables>;
}

/** Timers of a namespace, beside those of its connections. */
const TIMER_ESTIMATOR = 0;
const TIMER_DEFENCE = 1;
const TIMER_TRASH = 2;
const TIMER_NODEST = 3;
const TIMER_SCHEDULERS = 4;
const TIMER_DRAIN = 5;
const TIMER_ENDING = 6;
/** The first of the timers of the sync master's threads: when they look at their queue, */
const TIMER_SYNC_CHECK = 7;
/** and when they are woken for what is in it. */
const TIMER_SYNC_WAKEUP = TIMER_SYNC_CHECK + SYNC_PORTS_MAX;
const TIMERS = TIMER_SYNC_WAKEUP + SYNC_PORTS_MAX;

const DEFENCE_PERIOD = 1;
const DRAIN_PERIOD = 0.5;
const SCHEDULER_PERIOD = 60;

/** One network namespace. Time is handed in by {@link advance}; nothing happens between two calls. */
export class Net {
  readonly host: Host;
  readonly random: () => number;
  readonly hz: number;
  readonly connLimit: number;
  readonly connTabBits: number;
  readonly schedulers: SchedulerRegistry;
  /** Ticks since the namespace was made, as a signed 32-bit integer that wraps. */
  jiffies = 0;
  readonly ipvs: NetnsIpvs;
  /** Told of each packet before it is looked at, while somebody listens. It may change nothing. */
  onPacket: ((packet: Packet, hook: number) => void) | undefined = undefined;
  private readonly timers: TimerWheel;
  private ipId: number;
  /** See {@link foresee}. */
  foreseen = 0;
  private readonly fireConn = (c: number, jiffies: number): void => connTimer(this.ipvs, c, jiffies);
  private readonly fireTimer = (id: number, jiffies: number): void => this.runTimer(id, jiffies);

  constructor(options: NetOptions) {
    this.host = options.host;
    this.random = options.random;
    this.hz = options.hz ?? 100;
    this.connLimit = options.connLimit ?? 1 << 20;
    this.connTabBits = options.connTabBits ?? 12;
    this.schedulers = options.schedulers ?? new SchedulerRegistry();
    this.ipId = this.random() & 0xffff;
    this.timers = new TimerWheel(TIMERS, 0);
    this.ipvs = new NetnsIpvs(this, options.tables);
    registerFtp(this.ipvs, options.ftpPorts ?? [FTP_PORT]);
    this.arm(TIMER_ESTIMATOR, EST_PERIOD);
    this.arm(TIMER_DEFENCE, DEFENCE_PERIOD);
    this.arm(TIMER_SCHEDULERS, SCHEDULER_PERIOD);
  }

  /**
   * Takes one packet at a netfilter hook.
   * @param hook `NF_INET_LOCAL_IN`, `NF_INET_FORWARD` or `NF_INET_LOCAL_OUT`.
   * @returns `NF_ACCEPT`: the packet, perhaps rewritten, goes on in the host's stack; `NF_DROP`; `NF_STOLEN`: it was sent on, or used up.
   */
  receive(packet: Packet, hook: number): number {
    if (this.onPacket !== undefined) this.onPacket(packet, hook);
    return receive(this.ipvs, packet, hook);
  }

  /**
   * Says which packets come next, so that the memory they need is fetched for all of them at once; changes nothing. Worth it where
   * packets are at hand anyway: with a million connections it halves the time for each.
   * @param packets with their IP headers at `data`. @param n how many of them, at most `FORESEEN_MAX`.
   */
  foresee(packets: readonly Packet[], n: number): void {
    // kept, so that the loads it is made of are not optimised away
    this.foreseen = foresee(this.ipvs.conns, packets, n);
  }

  /** Moves time on and runs the timers that are due. @param now milliseconds since the namespace was made; never less than before. */
  advance(now: number): void {
    const to = Math.floor((now * this.hz) / 1000) | 0;
    // one tick at a time while both wheels have work, so that their timers run in order
    while (((to - this.jiffies) | 0) > 0) {
      const step = Math.min(
        (to - this.jiffies) | 0,
        this.timers.idle(64),
        this.ipvs.connTimers.size === 0 ? 64 : this.ipvs.connTimers.idle(64),
      );
      this.jiffies = (this.jiffies + step) | 0;
      this.timers.advance(this.jiffies, this.fireTimer);
      this.ipvs.connTimers.advance(this.jiffies, this.fireConn);
    }
  }

  /** Milliseconds until a timer may be due, at most `limit`: how long one may wait for a packet. */
  nextTimer(limit = 1000): number {
    const ticks = Math.max(1, Math.floor((limit * this.hz) / 1000));
    const idle = Math.min(
      this.timers.idle(ticks),
      this.ipvs.connTimers.size === 0 ? ticks : this.ipvs.connTimers.idle(ticks),
    );
    return Math.ceil((idle * 1000) / this.hz);
  }

  /** Identification of the next IPv4 packet that the engine makes. */
  nextIpId(): number {
    this.ipId = (this.ipId + 1) & 0xffff;
    return this.ipId;
  }

  /** A dest has come to the empty trash: it is looked after from now on. */
  armTrash(): void {
    if (!this.timers.pending(TIMER_TRASH)) this.arm(TIMER_TRASH, TRASH_PERIOD / 2);
  }

  /** There are dests that drain: they are looked after from now on. */
  armDrain(): void {
    if (!this.timers.pending(TIMER_DRAIN)) this.arm(TIMER_DRAIN, DRAIN_PERIOD);
  }

  /** Connections of drained dests are to be ended after so many ticks. */
  armEnding(ticks: number): void {
    this.timers.set(TIMER_ENDING, (this.jiffies + ticks) | 0);
  }

  /** Connections without a dest are to end at the next tick. */
  armNodest(): void {
    this.timers.set(TIMER_NODEST, (this.jiffies + 1) | 0);
  }

  /** A thread of the sync master looks at its queue after so many ticks. */
  armSyncCheck(thread: number, ticks: number): void {
    this.timers.set(TIMER_SYNC_CHECK + thread, (this.jiffies + ticks) | 0);
  }

  /** It is woken after so many ticks for what is in its queue, if it has not sent it by then. */
  armSyncWakeup(thread: number, ticks: number): void {
    this.timers.set(TIMER_SYNC_WAKEUP + thread, (this.jiffies + ticks) | 0);
  }

  /** A thread of the sync master has ended. */
  disarmSync(thread: number): void {
    this.timers.cancel(TIMER_SYNC_CHECK + thread);
    this.timers.cancel(TIMER_SYNC_WAKEUP + thread);
  }

  private arm(id: number, seconds: number): void {
    this.timers.set(id, (this.jiffies + Math.ceil(seconds * this.hz)) | 0);
  }

  private runTimer(id: number, jiffies: number): void {
    this.jiffies = jiffies;
    switch (id) {
      case TIMER_ESTIMATOR:
        estimate(this.ipvs);
        this.arm(id, EST_PERIOD);
        break;
      case TIMER_DEFENCE:
        updateDefenceLevel(this.ipvs);
        if (this.ipvs.dropentry) dropEntries(this.ipvs);
        this.arm(id, DEFENCE_PERIOD);
        break;
      case TIMER_TRASH:
        collectTrash(this.ipvs);
        if (this.ipvs.destTrash.size > 0) this.arm(id, TRASH_PERIOD / 2);
        break;
      case TIMER_NODEST:
        expireNodestConns(this.ipvs);
        break;
      case TIMER_DRAIN:
        checkDrains(this.ipvs);
        if (this.ipvs.draining.size > 0) this.arm(id, DRAIN_PERIOD);
        break;
      case TIMER_ENDING:
        probeIdle(this.ipvs);
        break;
      case TIMER_SCHEDULERS:
        for (const svc of this.ipvs.services) svc.scheduler?.periodic?.(svc, this.ipvs.schedulerContext);
        this.arm(id, SCHEDULER_PERIOD);
        break;
      default:
        if (id < TIMER_SYNC_WAKEUP) checkMaster(this.ipvs, id - TIMER_SYNC_CHECK);
        else wakeMaster(this.ipvs, id - TIMER_SYNC_WAKEUP);
    }
  }
}
