/** Names of hosts and ports. */
import type { ProtocolName } from '../../control/command.js';

/** Where names come from; each answer is undefined when there is none. */
export interface NameResolver {
  /** Name of a port in the services file. */
  service(port: number, protocol: ProtocolName): Promise<string | undefined>;
  /** Host name of an address. */
  host(address: string): Promise<string | undefined>;
  /** Port of a service name. */
  portByName(name: string, protocol: ProtocolName): Promise<number | undefined>;
  /** IPv4 address of a host name. */
  addressByName(name: string): Promise<string | undefined>;
}

/** Characters of `address:port` that ipvsadm keeps. */
const NAME_LIMIT = 59;

/**
 * `address:port` for a listing, IPv6 addresses in brackets.
 * @param resolver undefined for numbers.
 * @param protocol undefined where ports have no names: services by mark.
 */
export async function addrPortName(
  resolver: NameResolver | undefined,
  address: string,
  port: number,
  protocol: ProtocolName | undefined,
): Promise<string> {
  const host = (await resolver?.host(address)) ?? address;
  const service = (protocol && (await resolver?.service(port, protocol))) ?? port;
  return `${address.includes(':') ? `[${host}]` : host}:${service}`.slice(0, NAME_LIMIT);
}
