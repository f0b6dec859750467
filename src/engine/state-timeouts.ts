/** How long connections live in each state: what the protocol says, or their service. */
import { IpvsError } from '../errors.js';
import { destOf } from './conn.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { ProtoData } from './protocol.js';
import type { ServiceId } from './service.js';
import type { ServiceOptions } from './service-options.js';
import { PROTOCOL_STATES } from './timeout-states.js';

/** By protocol: jiffies by state, 0 where the protocol's own count. */
export type OwnTimeouts = ReadonlyMap<number, Int32Array>;

/**
 * What a service's timeouts come to. One for a firewall mark may have all protocols.
 * @returns undefined when there are none.
 * @throws INVALID for a state that the service's protocol does not have.
 */
export function ownTimeouts(
  { protocol, fwmark }: ServiceId,
  { timeouts = {} }: ServiceOptions,
  hz: number,
): OwnTimeouts | undefined {
  const tables = new Map<number, Int32Array>();
  for (const [name, seconds] of Object.entries(timeouts)) {
    let known = false;
    for (const [number, states] of PROTOCOL_STATES) {
      const state = states.indexOf(name);
      if (state < 0 || (fwmark === 0 && number !== protocol)) continue;
      known = true;
      const table = tables.get(number) ?? new Int32Array(states.length);
      table[state] = seconds * hz;
      tables.set(number, table);
    }
    if (!known)
      throw new IpvsError('INVALID', `no connection of this service has the state`, `timeouts.${name}`);
  }
  return tables.size === 0 ? undefined : tables;
}

/** Jiffies that connection `c` lives in `state`. */
export function stateTimeout(ipvs: NetnsIpvs, pd: ProtoData, c: number, state: number): number {
  if (ipvs.ownTimeouts > 0) {
    const own = destOf(ipvs, c)?.svc?.ownTimeouts?.get(pd.pp.protocol)?.[state];
    if (own !== undefined && own !== 0) return own;
  }
  return pd.timeoutTable[state]!;
}
