/** What carries packets of established connections in the engine's stead. */

import type { Dest } from './dest.js';

/**
 * The engine decides, and tells its fast path which connections it sees packets of; the fast path may take such a connection over
 * (`CONN_F_CARRIED`). The engine then asks it before it believes what it knows of the connection, and takes the connection back before a
 * packet may change its state. There is one for each `NetnsIpvs` at most. Nothing here throws.
 */
export interface FastPath {
  /** A packet of connection `c` has gone through the engine, which is done with it. Called for each packet: must not allocate. */
  used(c: number): void;
  /** Brings `in_pkts`, timeout and end of a carried connection up to date. */
  settle(c: number): void;
  /** Gives a carried connection back, settled: all its packets come to the engine from now on. */
  withdraw(c: number): void;
  /** Adds what was carried since the last time to the counters of a dest, of its service, and of all. @param dest every one when left out. */
  fold(dest?: Dest): void;
}
