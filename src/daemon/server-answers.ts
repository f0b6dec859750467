/** What became of the TCP connections to the servers of a service. */
import type { DestKey, ServiceKey } from '../control/command.js';
import { fromDest, toServiceId } from '../control/translate.js';
import type { NetnsIpvs } from '../engine/netns-ipvs.js';

/** Of one server; both numbers only grow while it is there. */
export interface ServerAnswers extends DestKey {
  /** Connections that have become established. */
  readonly answered: number;
  /** Connections that were refused by RST, and SYNs that had to be repeated. */
  readonly unanswered: number;
}

/** Of each server; none when there is no such service. */
export function serverAnswers(ipvs: NetnsIpvs, service: ServiceKey): ServerAnswers[] {
  const servers = ipvs.findService(toServiceId(service))?.destinations ?? [];
  return servers.map((dest) => {
    const { address, port } = fromDest(dest);
    return { address, port, answered: dest.answered, unanswered: dest.unanswered };
  });
}
