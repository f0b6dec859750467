/** Where connections of health checks go that take the way of a service's packets. */
import type { DestSpec, ServiceKey } from '../control/command.js';
import { toDestUser, toServiceId } from '../control/translate.js';
import type { NetnsIpvs } from '../engine/netns-ipvs.js';
import { addProbe, removeProbe } from '../engine/probe.js';

/** Connections of this host from `port` to `service` go to `dest`; to whom the scheduler says when that is absent. */
export interface ProbeRoute {
  readonly service: ServiceKey;
  readonly port: number;
  readonly dest?: DestSpec;
}

/** Has the engine do so. @throws SERVICE_NOT_FOUND when there is no such service, and a `dest` */
export function setProbe(ipvs: NetnsIpvs, { service, port, dest }: ProbeRoute): void {
  const id = toServiceId(service);
  if (dest === undefined) removeProbe(ipvs, id, port);
  else addProbe(ipvs, id, port, toDestUser(dest));
}
