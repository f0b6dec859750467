/** The identity of a service, and how listings show it. */
import type { FamilyName, ProtocolName, ServiceKey } from '../../control/command.js';
import { familyOf } from './line.js';
import { addrPortName, type NameResolver } from './names.js';

/** Columns of an IPv4 name; longer ones are cut. IPv6 names are not. */
const IPV4_WIDTH = 28;

/** The protocol that names of ports are looked up with: none for services by mark. */
export function portProtocol(key: ServiceKey): ProtocolName | undefined {
  return 'fwmark' in key ? undefined : key.protocol;
}

/** A mark as ipvsadm shows it: as a signed number. */
export function markText(fwmark: number): string {
  return String(fwmark | 0);
}

/** `TCP  10.1.0.100:80`, or `FWM  5 IPv6`. */
export async function serviceName(key: ServiceKey, resolver: NameResolver | undefined): Promise<string> {
  if ('fwmark' in key) return `FWM  ${markText(key.fwmark)}${key.family === 'inet6' ? ' IPv6' : ''}`;
  const name = await addrPortName(resolver, key.address, key.port, key.protocol);
  return `${key.protocol.toUpperCase().padEnd(4)} ${cutIpv4(key.address, name)}`;
}

/** The name of an IPv4 address cut to its column; that of an IPv6 address as it is. */
export function cutIpv4(address: string, name: string): string {
  return address.includes(':') ? name : name.slice(0, IPV4_WIDTH);
}

/** The family of a service. */
export function serviceFamily(key: ServiceKey): FamilyName {
  return 'fwmark' in key ? key.family : familyOf(key.address);
}

/** The identity alone. */
export function keyOf(service: ServiceKey): ServiceKey {
  if ('fwmark' in service) return { fwmark: service.fwmark, family: service.family };
  return { protocol: service.protocol, address: service.address, port: service.port };
}
