/**
 * Services and real servers as one word, for URLs: `tcp:10.1.0.100:80`, `udp:[fd00:1::100]:53`, `fwmark:7`,
 * `fwmark:7:inet6`; `10.2.0.11:80`, `[fd00:2::11]:80`.
 */
import { IpvsError } from '../errors.js';
import type { DestKey, ServiceKey } from './command.js';
import { destKey, serviceKey } from './fields.js';
import { show } from './shape.js';

/** The word for a service. */
export function serviceId(key: ServiceKey): string {
  if ('fwmark' in key) return `fwmark:${key.fwmark}${key.family === 'inet6' ? ':inet6' : ''}`;
  return `${key.protocol}:${destId(key)}`;
}

/** The word for a real server. */
export function destId(key: DestKey): string {
  return key.address.includes(':') ? `[${key.address}]:${key.port}` : `${key.address}:${key.port}`;
}

/** The service that a word names. Throws BAD_REQUEST on `field`. */
export function parseServiceId(word: string, field: string): ServiceKey {
  const mark = /^fwmark:(\d{1,10})(?::(inet6?))?$/.exec(word);
  if (mark !== null) return serviceKey.read({ fwmark: Number(mark[1]), family: mark[2] ?? 'inet' }, field);
  const colon = word.indexOf(':');
  const end = endpoint(word.slice(colon + 1));
  if (colon < 0 || end === undefined) {
    throw new IpvsError(
      'BAD_REQUEST',
      `${show(word)} is not a service such as tcp:10.1.0.100:80 or fwmark:7`,
      field,
    );
  }
  return serviceKey.read({ protocol: word.slice(0, colon), ...end }, field);
}

/** The real server that a word names. Throws BAD_REQUEST on `field`. */
export function parseDestId(word: string, field: string): DestKey {
  const end = endpoint(word);
  if (end === undefined) {
    throw new IpvsError('BAD_REQUEST', `${show(word)} is not a real server such as 10.2.0.11:80`, field);
  }
  return destKey.read(end, field);
}

function endpoint(word: string): { address: string; port: number } | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(word);
  return parts === null ? undefined : { address: (parts[1] ?? parts[2])!, port: Number(parts[3]) };
}
