/** What callers of socket options hand over, as the plain data of commands. Every error is the kernel's. */
import { CONN_F_FWD_MASK } from '../../engine/flags.js';
import { IpvsError } from '../../errors.js';
import { AF_INET, inet4, inetFromBytes, inetToString } from '../../wire/inet.js';
import { LITTLE } from '../../wire/netlink.js';
import type { DaemonSpec, DestSpec, ServiceKey, ServiceSpec } from '../command.js';
import { DAEMON_STATES, FORWARDS, protocolName, serviceFlagNames, wordForName } from '../kernel-numbers.js';
import { addressAt, DAEMON_USER, DEST_USER, nameAt, SERVICE_USER, u32 } from './layout.js';

/**
 * The identity of a service, at the start of all structures that name one.
 * @returns undefined for a protocol that no service can have.
 */
export function readServiceKey(view: DataView): ServiceKey | undefined {
  const protocol = protocolName(view.getUint16(SERVICE_USER.protocol, LITTLE));
  if (protocol === undefined) return undefined;
  const fwmark = u32(view, SERVICE_USER.fwmark);
  if (fwmark !== 0) return { fwmark, family: 'inet' };
  return { protocol, address: readAddress(view, SERVICE_USER.addr), port: view.getUint16(SERVICE_USER.port) };
}

/** The service of a `struct ip_vs_service_user`. */
export function readServiceSpec(view: DataView, key: ServiceKey): ServiceSpec {
  return {
    ...key,
    scheduler: wordForName(readName(view, SERVICE_USER.schedName)),
    flags: serviceFlagNames(u32(view, SERVICE_USER.flags)),
    timeout: u32(view, SERVICE_USER.timeout),
    netmask: inetToString(inet4(view.getUint32(SERVICE_USER.netmask))),
  };
}

/** The real server of a `struct ip_vs_dest_user`. @throws BAD_REQUEST */
export function readDestSpec(view: DataView): DestSpec {
  const forward = FORWARDS[u32(view, DEST_USER.connFlags) & CONN_F_FWD_MASK];
  if (forward === undefined) throw new IpvsError('BAD_REQUEST');
  return {
    address: readAddress(view, DEST_USER.addr),
    port: view.getUint16(DEST_USER.port),
    forward,
    weight: view.getInt32(DEST_USER.weight, LITTLE),
    uThreshold: u32(view, DEST_USER.uThreshold),
    lThreshold: u32(view, DEST_USER.lThreshold),
  };
}

/** The daemon of a `struct ip_vs_daemon_user`. @throws BAD_REQUEST */
export function readDaemonSpec(view: DataView): DaemonSpec {
  return {
    state: readDaemonState(view),
    interface: wordForName(readName(view, DAEMON_USER.mcastIfn)),
    syncid: u32(view, DAEMON_USER.syncid),
  };
}

/** Which daemon. @throws BAD_REQUEST */
export function readDaemonState(view: DataView): DaemonSpec['state'] {
  const state = DAEMON_STATES[u32(view, DAEMON_USER.state) - 1];
  if (state === undefined) throw new IpvsError('BAD_REQUEST');
  return state;
}

/** The name at `at`. @throws BAD_REQUEST when it does not end in its field */
export function readName(view: DataView, at: number): string {
  const name = nameAt(view, at);
  if (name === undefined) throw new IpvsError('BAD_REQUEST');
  return name;
}

function readAddress(view: DataView, at: number): string {
  return inetToString(inetFromBytes(AF_INET, addressAt(view, at)));
}
