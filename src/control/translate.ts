/** Plain data of commands to the engine's terms and back. Plain data has been checked for its shape before. */
import type { Dest, DestUser } from '../engine/dest.js';
import * as f from '../engine/flags.js';
import type { Service, ServiceId, ServiceUser } from '../engine/service.js';
import type { SyncDaemon, SyncDaemonUser } from '../engine/sync/daemon.js';
import { IpvsError } from '../errors.js';
import { AF_INET, AF_INET6, anyAddr, inet4, inetToString, parseInet } from '../wire/inet.js';
import type {
  CompleteDest,
  DaemonSpec,
  DestKey,
  DestSpec,
  ForwardName,
  ServiceKey,
  ServiceSpec,
} from './command.js';
import {
  FORWARDS,
  PROTOCOLS,
  protocolName,
  serviceFlagBits,
  serviceFlagNames,
  TUN_CSUMS,
  TUN_TYPES,
} from './kernel-numbers.js';
import { destOptionsOf, serviceOptionsOf } from './option-fields.js';
import { show } from './shape.js';

function wordFor<W extends string>(words: readonly W[], index: number): W {
  return words[index] ?? words[0]!;
}

/** The engine's identity of a service. */
export function toServiceId(key: ServiceKey): ServiceId {
  if ('fwmark' in key) {
    const family = key.family === 'inet' ? AF_INET : AF_INET6;
    // the kernel stores TCP and no address with a mark
    return { family, protocol: f.IPPROTO_TCP, addr: anyAddr(family), port: 0, fwmark: key.fwmark };
  }
  const addr = parseInet(key.address)!;
  return { family: addr.family, protocol: PROTOCOLS[key.protocol], addr, port: key.port, fwmark: 0 };
}

/**
 * Identity and configuration of a service.
 * @param replace options that are left out have their defaults.
 * Throws BAD_REQUEST on a `netmask` that does not fit the family.
 */
export function toServiceUser(spec: ServiceSpec, replace = false): ServiceUser {
  const id = toServiceId(spec);
  return {
    ...id,
    schedName: spec.scheduler,
    peName: spec.pe ?? '',
    flags: serviceFlagBits(spec.flags),
    timeout: spec.timeout,
    netmask: toNetmask(spec.netmask, id.family),
    options: { values: serviceOptionsOf(spec), replace },
  };
}

function toNetmask(text: string, family: number): number {
  if (family === AF_INET) {
    const mask = parseInet(text);
    if (mask?.family === AF_INET) return mask.words[0]!;
    throw new IpvsError('BAD_REQUEST', `${show(text)} is not an IPv4 mask such as 255.255.255.0`, 'netmask');
  }
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 128) return Number(text);
  throw new IpvsError('BAD_REQUEST', `${show(text)} is not an IPv6 prefix length (1..128)`, 'netmask');
}

/** The plain identity of a service. */
export function fromServiceId(id: ServiceId): ServiceKey {
  if (id.fwmark !== 0) return { fwmark: id.fwmark, family: id.family === AF_INET ? 'inet' : 'inet6' };
  return { protocol: protocolName(id.protocol)!, address: inetToString(id.addr), port: id.port };
}

/**
 * The plain configuration of a service.
 * @param hz jiffies a second, the unit of the service's timeout.
 */
export function fromService(svc: Service, hz: number): ServiceSpec {
  return {
    ...fromServiceId(svc),
    scheduler: svc.scheduler?.name ?? 'none',
    flags: serviceFlagNames(svc.flags),
    timeout: Math.floor(svc.timeout / hz),
    netmask: svc.family === AF_INET ? inetToString(inet4(svc.netmask)) : String(svc.netmask),
    ...(svc.pe !== null && { pe: svc.pe.name }),
    ...svc.options,
  };
}

/** The engine's identity of a real server. */
export function toDestId(key: DestKey): Pick<DestUser, 'addr' | 'port'> {
  return { addr: parseInet(key.address)!, port: key.port };
}

/** The plain identity of a real server. */
export function fromDestId({ addr, port }: Pick<DestUser, 'addr' | 'port'>): DestKey {
  return { address: inetToString(addr), port };
}

/** Identity and configuration of a real server. @param replace options that are left out have their defaults. */
export function toDestUser(spec: DestSpec, replace = false): DestUser {
  return {
    ...toDestId(spec),
    connFlags: FORWARDS.indexOf(spec.forward),
    weight: spec.weight,
    uThreshold: spec.uThreshold,
    lThreshold: spec.lThreshold,
    tunType: TUN_TYPES.indexOf(spec.tunType ?? 'ipip'),
    tunPort: spec.tunPort ?? 0,
    tunFlags: TUN_CSUMS.indexOf(spec.tunCsum ?? 'nocsum'),
    options: { values: destOptionsOf(spec), replace },
  };
}

/** The plain configuration of a real server, tunnel included. */
export function fromDest(dest: Dest): CompleteDest {
  const forward: ForwardName = wordFor(FORWARDS, dest.connFlags & f.CONN_F_FWD_MASK);
  return {
    address: inetToString(dest.addr),
    port: dest.port,
    forward,
    weight: dest.weight,
    uThreshold: dest.uThreshold,
    lThreshold: dest.lThreshold,
    tunType: wordFor(TUN_TYPES, dest.tunType),
    tunPort: dest.tunPort,
    tunCsum: wordFor(TUN_CSUMS, dest.tunFlags),
    ...dest.options,
  };
}

/** The configuration of a sync daemon. */
export function toDaemonUser({ group, ...rest }: DaemonSpec): SyncDaemonUser {
  return group === undefined ? rest : { ...rest, group: parseInet(group)! };
}

/** The plain configuration of a sync daemon, complete. */
export function fromDaemon(daemon: SyncDaemon): Required<DaemonSpec> {
  return { ...daemon, group: inetToString(daemon.group) };
}
