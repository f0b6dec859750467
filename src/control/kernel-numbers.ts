/** The numbers of the kernel's interface (`include/uapi/linux/ip_vs.h`) beside the words that commands have for them. */
import * as f from '../engine/flags.js';
import type { ForwardName, ProtocolName, TunnelCsumName, TunnelTypeName } from './command.js';

/** Protocols of services. */
export const PROTOCOLS: Readonly<Record<ProtocolName, number>> = {
  tcp: f.IPPROTO_TCP,
  udp: f.IPPROTO_UDP,
  sctp: f.IPPROTO_SCTP,
};

/** The word for a protocol's number, if services can have it. */
export function protocolName(number: number): ProtocolName | undefined {
  return (Object.keys(PROTOCOLS) as ProtocolName[]).find((name) => PROTOCOLS[name] === number);
}

const SERVICE_FLAGS: Readonly<Record<string, number>> = {
  persistent: f.SVC_F_PERSISTENT,
  ops: f.SVC_F_ONEPACKET,
  'flag-1': f.SVC_F_SCHED1,
  'flag-2': f.SVC_F_SCHED2,
  'flag-3': f.SVC_F_SCHED3,
};

/** The bits for flags of a service. */
export function serviceFlagBits(names: readonly string[]): number {
  return names.reduce((bits, name) => bits | SERVICE_FLAGS[name]!, 0);
}

/** The flags of a service that have names. */
export function serviceFlagNames(bits: number): string[] {
  return Object.keys(SERVICE_FLAGS).filter((name) => (bits & SERVICE_FLAGS[name]!) !== 0);
}

/** A name that nothing has. */
const NOBODY = '\ufffd';
/** Characters of a scheduler's, a persistence engine's or an interface's name. */
const NAME_MAX = 15;

/** The name that a program gave, as commands may say it: what nothing can be called is a name that nothing has, and so it is not found. */
export function wordForName(name: string): string {
  const good = name !== '' && name.length <= NAME_MAX && Array.from(name).every((letter) => letter >= ' ');
  return good ? name : NOBODY;
}

/** Forwarding methods, by number: `CONN_F_MASQ` ... `CONN_F_BYPASS`. */
export const FORWARDS: readonly ForwardName[] = ['masq', 'local', 'tunnel', 'route', 'bypass'];
/** Kinds of tunnel, by number. */
export const TUN_TYPES: readonly TunnelTypeName[] = ['ipip', 'gue', 'gre'];
/** Checksums of tunnels, by number. */
export const TUN_CSUMS: readonly TunnelCsumName[] = ['nocsum', 'csum', 'remcsum'];
/** States of synchronisation daemons: `IP_VS_STATE_MASTER` and `IP_VS_STATE_BACKUP`, less one. */
export const DAEMON_STATES = ['master', 'backup'] as const;

/** `1.2.1` as the kernel's number 0x010201. */
export function versionNumber(version: string): number {
  return version.split('.').reduce((number, part) => (number << 8) | Number(part), 0);
}
