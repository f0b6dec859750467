/** One spelling for each setting: as directors report them, so that equal settings are equal data. */

import { changeOptions } from '../engine/service-options.js';
import { AF_INET, inetToString, parseInet } from '../wire/inet.js';
import type { CompleteDest, DaemonSpec, DestSpec, ServiceKey, ServiceSpec, VipSpec } from './command.js';
import { destOptionsOf, serviceOptionsOf } from './option-fields.js';

/** In the order in which directors report them. */
const FLAGS = ['persistent', 'ops', 'flag-1', 'flag-2', 'flag-3'];

/** An address in the one spelling that directors report it in. */
export function canonicalAddress(text: string): string {
  // an IPv4 address has one spelling only
  const address = text.includes(':') ? parseInet(text) : undefined;
  return address === undefined ? text : inetToString(address);
}

/** A mask's or a prefix length's text: an address as an address is written, a number without zeros before it. */
function canonicalNetmask(text: string): string {
  return /^\d+$/.test(text) ? String(Number(text)) : canonicalAddress(text);
}

/** A service's identity. */
export function canonicalKey(key: ServiceKey): ServiceKey {
  if ('fwmark' in key) return { fwmark: key.fwmark, family: key.family };
  return { protocol: key.protocol, address: canonicalAddress(key.address), port: key.port };
}

/** A service's settings. */
export function canonicalService(spec: ServiceSpec): ServiceSpec {
  return {
    ...canonicalKey(spec),
    scheduler: spec.scheduler,
    flags: FLAGS.filter((flag) => spec.flags.includes(flag)),
    timeout: spec.timeout,
    netmask: canonicalNetmask(spec.netmask),
    ...(spec.pe !== undefined && { pe: spec.pe }),
    ...changeOptions({}, { values: serviceOptionsOf(spec), replace: true }),
  };
}

/** A real server's settings, tunnel included. */
export function canonicalDest(spec: DestSpec): CompleteDest {
  return {
    address: canonicalAddress(spec.address),
    port: spec.port,
    forward: spec.forward,
    weight: spec.weight,
    uThreshold: spec.uThreshold,
    lThreshold: spec.lThreshold,
    tunType: spec.tunType ?? 'ipip',
    tunPort: spec.tunPort ?? 0,
    tunCsum: spec.tunCsum ?? 'nocsum',
    ...changeOptions({}, { values: destOptionsOf(spec), replace: true }),
  };
}

/** A virtual address's, with its prefix length. */
export function canonicalVip(vip: VipSpec): Required<VipSpec> {
  const address = parseInet(vip.address);
  const whole = address?.family === AF_INET ? 32 : 128;
  return {
    address: canonicalAddress(vip.address),
    interface: vip.interface,
    prefixLength: vip.prefixLength ?? whole,
  };
}

/** A synchronisation daemon's; what is left out stays so, since it depends on the interface. */
export function canonicalDaemon(spec: DaemonSpec): DaemonSpec {
  return { ...spec, ...(spec.group !== undefined && { group: canonicalAddress(spec.group) }) };
}
