/**
 * The record of a connection (`struct ip_vs_conn`): which word holds what. Code that runs for each packet takes these into constants of its own
 * (`const { C_FLAGS } = layout`): V8 folds a module's own constants, and loads an imported one from a cell each time.
 */

/** Words of a connection's hot record, 64 bytes: all that an IPv4 packet of a known connection touches. */
export const HOT_SHIFT = 4;
/** First words of client, virtual and dest address (IPv4: all of it). */
export const C_CADDR = 2;
export const C_VADDR = 3;
export const C_DADDR = 4;
/** Client port << 16 | virtual port. */
export const C_PORTS = 5;
/** Dest port << 16 | protocol << 8 | `FAMILY_*` bits. */
export const C_DPORT = 6;
export const C_FLAGS = 7;
/** State, and from bit 16 on the state that was last sent to the backups. */
export const C_STATE = 8;
/** Dest index + 1, or 0. */
export const C_DEST = 9;
export const C_INPKTS = 10;
/** Jiffies. */
export const C_TIMEOUT = 11;
/** Jiffies when it ends; the timer that fires earlier is set again. */
export const C_EXPIRES = 12;
/** Controlling connection + 1, or 0. */
export const C_CONTROL = 13;
/** Connections that it controls. */
export const C_NCONTROL = 14;
export const C_FWMARK = 15;

/** No connection. */
export const NO_CONN = -1;
