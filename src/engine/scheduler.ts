/** `struct ip_vs_scheduler`: chooses the dest of a new connection. */
import type { Packet } from '../wire/packet.js';
import type { Dest } from './dest.js';
import type { IpHdr } from './iphdr.js';
import type { Service } from './service.js';

/**
 * Surroundings that a scheduler may use: time and randomness are handed in.
 */
export interface SchedulerContext {
  /** Jiffies: a signed 32-bit count of ticks that wraps. Compare by `(a - b) | 0`. */
  readonly jiffies: number;
  /** Ticks a second. */
  readonly hz: number;
  /** Uniform integer in 0..n-1 (`get_random_u32_below`). */
  randomBelow(n: number): number;
  /** Current value of a sysctl in its own unit, e.g. `lblc_expiration` in jiffies. */
  sysctl(name: string): number;
}

/** What a scheduler would choose now, and what it would go by. */
export interface Weighing {
  /** The dest it would choose, null for none; undefined when only chance can tell. */
  readonly chosen: Dest | null | undefined;
  /** What decides, as a sentence without its full stop. */
  readonly rule: string;
  /** Figures that the whole service shares, such as a hash bucket. */
  readonly figures?: Readonly<Record<string, number>>;
  /** The figures by which it compares a dest with the others. */
  figuresOf?(dest: Dest): Readonly<Record<string, number>>;
}

/**
 * A scheduler. One instance serves all services that use it; what it remembers of a service it keeps in
 * `svc.schedData`. The hooks are called after the change was made to `svc.destinations`.
 */
export interface Scheduler {
  /** At most 15 characters. */
  readonly name: string;
  /** The service is about to use this scheduler; `svc.destinations` may hold dests already. May throw an `IpvsError`. */
  initService?(svc: Service, ctx: SchedulerContext): void;
  /** The service stops using it. */
  doneService?(svc: Service, ctx: SchedulerContext): void;
  addDest?(svc: Service, dest: Dest, ctx: SchedulerContext): void;
  /** `index` is where `dest` was in `svc.destinations`. */
  delDest?(svc: Service, dest: Dest, index: number, ctx: SchedulerContext): void;
  updDest?(svc: Service, dest: Dest, ctx: SchedulerContext): void;
  /** Called by the engine's timer each `period` jiffies when given (lblc and lblcr collect garbage so). */
  periodic?(svc: Service, ctx: SchedulerContext): void;
  /** The dest for this packet, or null when there is none. Allocates nothing (lblc and lblcr excepted), throws nothing. */
  schedule(svc: Service, packet: Packet, iph: IpHdr, ctx: SchedulerContext): Dest | null;
  /**
   * Of a scheduler that goes by its own order, whatever the packet: what {@link schedule} does. `svc.schedData` is then a flat object of numbers, which
   * comes back to what it was while dests and weights stay. The fast path may then know its choices in advance (turns.ts).
   */
  next?(svc: Service): Dest | null;
  /**
   * What {@link schedule} would choose for this packet, and why. Changes nothing and draws no random number, so that the next choice is the same with
   * it as without. A scheduler that lacks it is not asked what it would do.
   */
  explain?(svc: Service, packet: Packet, iph: IpHdr, ctx: SchedulerContext): Weighing;
}
