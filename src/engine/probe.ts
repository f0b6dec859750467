/**
 * Connections of this host that go to one real server whatever the scheduler says: health checks that take the way of a service's packets. The
 * kernel has nothing of the kind.
 */
import { IpvsError } from '../errors.js';
import { Dest, type DestUser } from './dest.js';
import { trash } from './dest-trash.js';
import {
  CONN_F_DEST_MASK,
  CONN_F_FWD_MASK,
  CONN_F_INACTIVE,
  CONN_F_MASQ,
  CONN_F_NOOUTPUT,
  DEST_F_AVAILABLE,
} from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { ServiceId } from './service.js';

/**
 * Sends new connections of this host from `port` to the service on to this server, which need not be one of the service's. Such
 * connections are neither counted for the service nor for its server of that address.
 * @param user the server: its address, port, method and tunnel; weight and thresholds mean nothing.
 * @throws SERVICE_NOT_FOUND
 */
export function addProbe(ipvs: NetnsIpvs, id: ServiceId, port: number, user: DestUser): void {
  const svc = ipvs.services.get(id);
  if (svc === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
  removeProbe(ipvs, id, port);
  const index = ipvs.freeDests.pop() ?? ipvs.dests.length;
  const dest = new Dest(index, svc, user.addr, user.port);
  ipvs.dests[index] = dest;
  dest.svc = null;
  dest.probe = true;
  dest.flags = DEST_F_AVAILABLE;
  dest.connFlags = (user.connFlags & CONN_F_DEST_MASK) | CONN_F_INACTIVE;
  if ((dest.connFlags & CONN_F_FWD_MASK) !== CONN_F_MASQ) dest.connFlags |= CONN_F_NOOUTPUT;
  dest.tunType = user.tunType;
  dest.tunPort = user.tunPort;
  dest.tunFlags = user.tunFlags;
  svc.probes ??= new Map();
  svc.probes.set(port, dest);
}

/** Connections from `port` are the scheduler's again; those that are open end. Does nothing where there is nothing to be done. */
export function removeProbe(ipvs: NetnsIpvs, id: ServiceId, port: number): void {
  const probes = ipvs.services.get(id)?.probes;
  const dest = probes?.get(port);
  if (dest === undefined) return;
  dest.flags &= ~DEST_F_AVAILABLE;
  trash(ipvs, dest);
  probes!.delete(port);
}
