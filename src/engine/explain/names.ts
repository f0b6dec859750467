/** Names of the things that explanations and events are about. */
import { AF_INET6, type Family, inetFromWords, inetToString } from '../../wire/inet.js';
import { protocolName } from '../conn-list.js';
import type { Dest } from '../dest.js';
import { CONN_F_FWD_MASK } from '../flags.js';
import type { ServiceId } from '../service.js';

const FORWARDS = ['masq', 'local', 'tunnel', 'route', 'bypass'] as const;

/** Forwarding method of a connection or dest, as commands name it. @param flags `CONN_F_*` bits. */
export function forwardName(flags: number): string {
  return FORWARDS[flags & CONN_F_FWD_MASK] ?? 'none';
}

/** An address with a port: `10.1.0.100:80`, `[fd00::1]:80`. */
export function endpoint(family: Family, words: Int32Array, port: number): string {
  const text = inetToString(inetFromWords(family, words));
  return family === AF_INET6 ? `[${text}]:${port}` : `${text}:${port}`;
}

/** A real server's address and port. */
export function destName(dest: Dest): string {
  return endpoint(dest.addr.family, dest.addr.words, dest.port);
}

/** A service as the API names it: `tcp:10.1.0.100:80`, `fwmark:7`, `fwmark:7:inet6`. */
export function serviceName({ family, protocol, addr, port, fwmark }: ServiceId): string {
  if (fwmark !== 0) return `fwmark:${fwmark}${family === AF_INET6 ? ':inet6' : ''}`;
  return `${protocolName(protocol).toLowerCase()}:${endpoint(family, addr.words, port)}`;
}
