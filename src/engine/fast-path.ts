/** What carries packets of established connections in the engine's stead. */

import type { Dest } from './dest.js';

/**
 * The engine decides, and tells its fast path which connections it sees packets of; the fast path may take such a connection over
 * (`CONN_F_CARRIED`). It remembers the packets that may change a connection's state, and the engine lets it tell of them (carried.ts) before it does
 * anything else in a turn: its states are then what they were if it had seen those packets itself. It asks before it believes how long a connection
 * has to live, and takes back a connection that comes into a state in which each packet counts. There is one for each `NetnsIpvs` at most.
 * Nothing here throws.
 */
export interface FastPath {
  /** A packet of connection `c` has gone through the engine, which is done with it. Called for each packet: must not allocate. */
  used(c: number): void;
  /**
   * Tells the engine, by `packetCarried`, of the packets that it has carried since the last time and that may have changed a state, in their order.
   * @param jiffies now; as late as, or later than those of the engine.
   */
  replay(jiffies: number): void;
  /** Brings `in_pkts`, timeout and end of a carried connection up to date. */
  settle(c: number): void;
  /** Gives a carried connection back, settled: all its packets come to the engine from now on. */
  withdraw(c: number): void;
  /** A carried connection is over: as `withdraw`, and nobody asks what has become of it. */
  ended(c: number): void;
  /** Adds what was carried since the last time to the counters of a dest, of its service, and of all. @param dest every one when left out. */
  fold(dest?: Dest): void;
  /** What was carried for a dest in all, of which {@link fold} has added everything; undefined when nothing was. */
  carried(dest: Dest): Carried | undefined;
}

/** Packets and bytes from clients to a dest, and back. */
export type Carried = readonly [inpkts: number, inbytes: number, outpkts: number, outbytes: number];
