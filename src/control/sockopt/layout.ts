/** The structures of the socket options, IPv4 only (`include/uapi/linux/ip_vs.h`): where their fields lie, and their texts. */
import { LITTLE } from '../../wire/netlink.js';

/** Bytes of the structures. */
export const SIZE = {
  serviceUser: 44,
  destUser: 24,
  stats: 56,
  info: 12,
  version: 64,
  serviceEntry: 104,
  destEntry: 96,
  services: 8,
  dests: 24,
  timeout: 12,
  daemon: 24,
} as const;

/** `struct ip_vs_service_user`. */
export const SERVICE_USER = {
  protocol: 0,
  addr: 4,
  port: 8,
  fwmark: 12,
  schedName: 16,
  flags: 32,
  timeout: 36,
  netmask: 40,
} as const;

/** `struct ip_vs_service_entry`; up to the netmask as {@link SERVICE_USER}, without its hole of four bytes. */
export const SERVICE_ENTRY = { ...SERVICE_USER, numDests: 44, stats: 48 } as const;

/** `struct ip_vs_dest_user`, which begins `struct ip_vs_dest_entry`. */
export const DEST_USER = {
  addr: 0,
  port: 4,
  connFlags: 8,
  weight: 12,
  uThreshold: 16,
  lThreshold: 20,
} as const;

/** What `struct ip_vs_dest_entry` has more. */
export const DEST_ENTRY = {
  ...DEST_USER,
  activeConns: 24,
  inactConns: 28,
  persistConns: 32,
  stats: 40,
} as const;

/** `struct ip_vs_stats_user`. */
export const STATS_USER = {
  conns: 0,
  inpkts: 4,
  outpkts: 8,
  inbytes: 16,
  outbytes: 24,
  cps: 32,
  inpps: 36,
  outpps: 40,
  inbps: 44,
  outbps: 48,
} as const;

/** `struct ip_vs_daemon_user`. */
export const DAEMON_USER = { state: 0, mcastIfn: 4, syncid: 20 } as const;

/** Bytes of a name in a structure. */
export const NAME_BYTES = 16;

/** A view of a part of bytes. */
export function viewOf(bytes: Uint8Array, at = 0, length = bytes.length - at): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + at, length);
}

/** A number of 32 bits in the machine's order. */
export function u32(view: DataView, at: number): number {
  return view.getUint32(at, LITTLE);
}

/** The name at `at`; undefined when it does not end in its field. */
export function nameAt(view: DataView, at: number): string | undefined {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, NAME_BYTES);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, end));
}

/** Writes a name of at most fifteen characters. */
export function putName(view: DataView, at: number, name: string): void {
  new TextEncoder().encodeInto(name, new Uint8Array(view.buffer, view.byteOffset + at, NAME_BYTES - 1));
}

/** The first four bytes of an address. */
export function addressAt(view: DataView, at: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, 4);
}
