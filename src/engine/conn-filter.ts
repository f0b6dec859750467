/** Which connections a listing is about. */
import type { Family } from '../wire/inet.js';
import { stateNameOf } from './conn-list.js';
import { C_CADDR, C_DADDR, C_FLAGS, C_STATE, C_VADDR, HOT_SHIFT } from './conn-table.js';
import { CONN_F_TEMPLATE } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/** An address with a prefix length and perhaps a port. */
export interface EndpointFilter {
  readonly family: Family;
  /** Host-order words of the address. */
  readonly words: Int32Array;
  /** Leading bits that have to be equal, 0..32 or 0..128. */
  readonly prefix: number;
  readonly port?: number;
}

/** What a connection has to be; nothing for what may be anything. */
export interface ConnFilter {
  /** Protocol number. */
  readonly protocol?: number;
  /** State as listed. */
  readonly state?: string;
  readonly client?: EndpointFilter;
  readonly virtual?: EndpointFilter;
  readonly dest?: EndpointFilter;
}

/** True when connection `c` is one of those. */
export function connMatches(ipvs: NetnsIpvs, c: number, filter: ConnFilter): boolean {
  const t = ipvs.conns;
  if (filter.protocol !== undefined && t.protocol(c) !== filter.protocol) return false;
  const { client, virtual, dest } = filter;
  if (client !== undefined && !endpointMatches(ipvs, c, C_CADDR, t.family(c), t.cport(c), client))
    return false;
  if (virtual !== undefined && !endpointMatches(ipvs, c, C_VADDR, t.family(c), t.vport(c), virtual))
    return false;
  if (dest !== undefined && !endpointMatches(ipvs, c, C_DADDR, t.destFamily(c), t.dport(c), dest))
    return false;
  if (filter.state === undefined) return true;
  const h = c << HOT_SHIFT;
  const template = (t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0;
  return stateNameOf(ipvs, t.protocol(c), t.hot[h + C_STATE]! & 0xffff, template) === filter.state;
}

function endpointMatches(
  ipvs: NetnsIpvs,
  c: number,
  which: number,
  family: Family,
  port: number,
  filter: EndpointFilter,
): boolean {
  if (family !== filter.family || (filter.port !== undefined && filter.port !== port)) return false;
  for (let i = 0; i < 4; i++) scratch[i] = ipvs.conns.addrWord(c, which, i);
  return isWithin(scratch, filter);
}

const scratch = new Int32Array(4);

/** True when an address is, or is within, the one of the filter; families have been compared. @param words of the address, host order. */
export function isWithin(
  words: Int32Array,
  { words: own, prefix }: Pick<EndpointFilter, 'words' | 'prefix'>,
): boolean {
  for (let i = 0, bits = prefix; bits > 0; i++, bits -= 32) {
    const different = words[i]! ^ own[i]!;
    if (bits >= 32 ? different !== 0 : different >>> (32 - bits) !== 0) return false;
  }
  return true;
}
