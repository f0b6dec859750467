/** One order of services, whatever order a director has them in. */
import type { ServiceKey } from '../../control/command.js';
import { familyOf } from '../../control/fields.js';
import { inetCompare, parseInet } from '../../wire/inet.js';

const PROTOCOLS = ['tcp', 'udp', 'sctp'];

/** By protocol, address and port; firewall marks last. */
export function compareServices(a: ServiceKey, b: ServiceKey): number {
  if ('fwmark' in a) {
    if (!('fwmark' in b)) return 1;
    return a.fwmark - b.fwmark || familyOf(a).localeCompare(familyOf(b));
  }
  if ('fwmark' in b) return -1;
  return (
    PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol) ||
    inetCompare(parseInet(a.address)!, parseInet(b.address)!) ||
    a.port - b.port
  );
}
