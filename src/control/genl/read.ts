/** Services, real servers and daemons of a request, as the plain data of commands. Every error is the kernel's. */
import { IPPROTO_TCP } from '../../engine/flags.js';
import { type ErrorCode, IpvsError } from '../../errors.js';
import { AF_INET, AF_INET6, type Family, inet4, inetFromBytes, inetToString } from '../../wire/inet.js';
import { attributeBytes, attributeText, LITTLE } from '../../wire/netlink.js';
import type { DaemonSpec, DestKey, DestSpec, ServiceKey, ServiceSpec } from '../command.js';
import {
  DAEMON_STATES,
  FORWARDS,
  protocolName,
  serviceFlagNames,
  TUN_CSUMS,
  TUN_TYPES,
  wordForName,
} from '../kernel-numbers.js';
import { DAEMON_ATTR, DEST_ATTR, SVC_ATTR } from './numbers.js';
import { DAEMON_POLICY, DEST_POLICY, readAttributes, SVC_POLICY } from './policy.js';

type Attributes = ReadonlyMap<number, DataView>;

/** Lowest three bits of a method; the rest is the kernel's own. */
const FWD_MASK = 7;
const ADDRESS_BYTES = 16;
/** What describes a service, beside its flags. */
const DESCRIPTION = [SVC_ATTR.SCHED_NAME, SVC_ATTR.TIMEOUT, SVC_ATTR.NETMASK];

/** The flags that a request sets: those of `mask`. */
export interface FlagChange {
  readonly flags: number;
  readonly mask: number;
}

/** A service as a request names and, where asked for, describes it. */
export interface ServiceRequest {
  readonly key: ServiceKey;
  readonly family: Family;
  readonly attributes: Attributes;
}

/**
 * The service that a request names.
 * @param otherProtocol what is told of a protocol that no service can have: such a service is not found.
 * @throws BAD_REQUEST without identity, FAMILY_NOT_SUPPORTED, `otherProtocol`.
 */
export function readService(
  view: DataView | undefined,
  otherProtocol: ErrorCode = 'SERVICE_NOT_FOUND',
): ServiceRequest {
  if (view === undefined) throw new IpvsError('BAD_REQUEST');
  const attributes = readAttributes(view, 0, SVC_POLICY, 'BAD_REQUEST');
  const af = attributes.get(SVC_ATTR.AF);
  const fwmark = attributes.get(SVC_ATTR.FWMARK);
  const [protocol, addr, port] = [SVC_ATTR.PROTOCOL, SVC_ATTR.ADDR, SVC_ATTR.PORT].map((type) =>
    attributes.get(type),
  );
  if (af === undefined || (fwmark === undefined && !(protocol && addr && port))) {
    throw new IpvsError('BAD_REQUEST');
  }
  const family = readFamily(af);
  return { key: serviceKey(), family, attributes };

  function serviceKey(): ServiceKey {
    const mark = fwmark?.getUint32(0, LITTLE);
    if (mark) return { fwmark: mark, family: family === AF_INET ? 'inet' : 'inet6' };
    // mark 0 is what the kernel stores for a service without one
    const name = protocolName(mark === 0 ? IPPROTO_TCP : protocol!.getUint16(0, LITTLE));
    if (name === undefined) throw new IpvsError(otherProtocol, 'not a protocol of services');
    const address = readAddress(family, mark === 0 ? undefined : addr);
    return { protocol: name, address, port: mark === 0 ? 0 : port!.getUint16(0) };
  }
}

/**
 * The configuration of the service that a request names.
 * @param flagsNow bits of the service's flags as they are: those outside the mask stay.
 * @throws BAD_REQUEST when something is missing.
 */
export function readServiceSpec({ key, family, attributes }: ServiceRequest, flagsNow: number): ServiceSpec {
  const [scheduler, timeout, netmask] = required(attributes, DESCRIPTION);
  const { flags, mask } = readFlags(attributes);
  const pe = attributes.get(SVC_ATTR.PE_NAME);
  const peName = pe === undefined ? '' : attributeText(pe);
  return {
    ...key,
    scheduler: wordForName(attributeText(scheduler!)),
    flags: serviceFlagNames((flagsNow & ~mask) | (flags & mask)),
    timeout: timeout!.getUint32(0, LITTLE),
    netmask:
      family === AF_INET ? inetToString(inet4(netmask!.getUint32(0))) : String(netmask!.getUint32(0, LITTLE)),
    ...(peName !== '' && { pe: wordForName(peName) }),
  };
}

/** What a request says of a service's flags. @throws BAD_REQUEST when it does not describe the service */
export function readFlags(attributes: Attributes): FlagChange {
  const [value] = required(attributes, [SVC_ATTR.FLAGS, ...DESCRIPTION]);
  const both = new DataView(padded(value!, 8).buffer);
  return { flags: both.getUint32(0, LITTLE), mask: both.getUint32(4, LITTLE) };
}

/**
 * The real server that a request names.
 * @param family of its service, and its own when nothing else is said.
 * @throws BAD_REQUEST without identity, FAMILY_NOT_SUPPORTED.
 */
export function readDest(view: DataView | undefined, family: Family): DestKey & { attributes: Attributes } {
  if (view === undefined) throw new IpvsError('BAD_REQUEST');
  const attributes = readAttributes(view, 0, DEST_POLICY, 'BAD_REQUEST');
  const [addr, port] = required(attributes, [DEST_ATTR.ADDR, DEST_ATTR.PORT]);
  const own = attributes.get(DEST_ATTR.ADDR_FAMILY);
  const ownFamily = own === undefined || own.getUint16(0, LITTLE) === 0 ? family : readFamily(own);
  return { address: readAddress(ownFamily, addr), port: port!.getUint16(0), attributes };
}

/**
 * The real server that a request describes.
 * @throws what {@link readDest} throws, and BAD_REQUEST when something is missing.
 */
export function readDestSpec(view: DataView | undefined, family: Family): DestSpec {
  const { address, port, attributes } = readDest(view, family);
  const [method, weight, uThreshold, lThreshold] = required(attributes, [
    DEST_ATTR.FWD_METHOD,
    DEST_ATTR.WEIGHT,
    DEST_ATTR.U_THRESH,
    DEST_ATTR.L_THRESH,
  ]);
  const [tunType, tunPort, tunFlags] = [DEST_ATTR.TUN_TYPE, DEST_ATTR.TUN_PORT, DEST_ATTR.TUN_FLAGS].map(
    (type) => attributes.get(type),
  );
  return {
    address,
    port,
    forward: wordFor(FORWARDS, method!.getUint32(0, LITTLE) & FWD_MASK),
    weight: weight!.getInt32(0, LITTLE),
    uThreshold: uThreshold!.getUint32(0, LITTLE),
    lThreshold: lThreshold!.getUint32(0, LITTLE),
    ...(tunType && { tunType: wordFor(TUN_TYPES, tunType.getUint8(0)) }),
    ...(tunPort && { tunPort: tunPort.getUint16(0) }),
    ...(tunFlags && { tunCsum: wordFor(TUN_CSUMS, tunFlags.getUint16(0, LITTLE)) }),
  };
}

/** Which daemon a request is about. @throws BAD_REQUEST */
export function readDaemonState(view: DataView | undefined): DaemonSpec['state'] {
  return daemonState(readDaemonAttributes(view));
}

/** The daemon that a request describes. @throws BAD_REQUEST */
export function readDaemonSpec(view: DataView | undefined): DaemonSpec {
  const attributes = readDaemonAttributes(view);
  const [name, syncid] = required(attributes, [DAEMON_ATTR.MCAST_IFN, DAEMON_ATTR.SYNC_ID]);
  const maxlen = attributes.get(DAEMON_ATTR.SYNC_MAXLEN);
  const group = attributes.get(DAEMON_ATTR.MCAST_GROUP);
  const group6 = attributes.get(DAEMON_ATTR.MCAST_GROUP6);
  const port = attributes.get(DAEMON_ATTR.MCAST_PORT);
  const ttl = attributes.get(DAEMON_ATTR.MCAST_TTL);
  return {
    state: daemonState(attributes),
    interface: wordForName(attributeText(name!)),
    syncid: syncid!.getUint32(0, LITTLE),
    ...(maxlen && { maxlen: maxlen.getUint16(0, LITTLE) }),
    ...(group6 && { group: readAddress(AF_INET6, group6) }),
    // when both are given the IPv4 group counts
    ...(group && { group: readAddress(AF_INET, group) }),
    ...(port && { port: port.getUint16(0, LITTLE) }),
    ...(ttl && { ttl: ttl.getUint8(0) }),
  };
}

function readDaemonAttributes(view: DataView | undefined): Attributes {
  if (view === undefined) throw new IpvsError('BAD_REQUEST');
  return readAttributes(view, 0, DAEMON_POLICY, 'BAD_REQUEST');
}

function daemonState(attributes: Attributes): DaemonSpec['state'] {
  const [state] = required(attributes, [DAEMON_ATTR.STATE]);
  return wordFor(DAEMON_STATES, state!.getUint32(0, LITTLE) - 1);
}

function readFamily(value: DataView): Family {
  const family = value.getUint16(0, LITTLE);
  if (family !== AF_INET && family !== AF_INET6) throw new IpvsError('FAMILY_NOT_SUPPORTED');
  return family;
}

/** An address whose missing bytes are 0. */
function readAddress(family: Family, value: DataView | undefined): string {
  return inetToString(inetFromBytes(family, padded(value, ADDRESS_BYTES)));
}

function padded(value: DataView | undefined, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (value !== undefined) bytes.set(attributeBytes(value).subarray(0, length));
  return bytes;
}

function required(attributes: Attributes, types: readonly number[]): (DataView | undefined)[] {
  return types.map((type) => {
    const value = attributes.get(type);
    if (value === undefined) throw new IpvsError('BAD_REQUEST');
    return value;
  });
}

function wordFor<W extends string>(words: readonly W[], number: number): W {
  const word = words[number];
  if (word === undefined) throw new IpvsError('BAD_REQUEST');
  return word;
}
