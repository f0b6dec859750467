/** Which connections the fast path may open in the engine's stead: those of which the engine would decide no more than whose turn it is. */
import { appOn } from '../../engine/app.js';
import { conntrackOn } from '../../engine/conntrack.js';
import type { Dest } from '../../engine/dest.js';
import {
  CONN_F_DROUTE,
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_TCP,
  IPPROTO_UDP,
  TUNNEL_TYPE_GUE,
} from '../../engine/flags.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { Service } from '../../engine/service.js';
import type { OpeningHost } from './openings.js';

/** From this share of the table on the engine has a look at each connection: it may have to refuse some. */
const NEARLY_FULL = 7 / 8;

/** True while nothing of what the director does as a whole asks for more: synchronisation, defence, conntrack, somebody who watches packets, a table that is nearly full. */
export function mayOpen(ipvs: NetnsIpvs): boolean {
  const { values } = ipvs.sysctls;
  return (
    ipvs.syncState === 0 &&
    ipvs.dropRate === 0 &&
    !ipvs.dropentry &&
    values.secure_tcp <= 1 &&
    values.conntrack === 0 &&
    values.conn_reuse_mode !== 0 &&
    ipvs.debugLevel === 0 &&
    ipvs.net.onPacket === undefined &&
    ipvs.conns.count < NEARLY_FULL * ipvs.conns.limit
  );
}

/** True for a service whose connections are ordinary ones, whichever of its servers they get. Its scheduler is another question. */
export function isOpenable(ipvs: NetnsIpvs, host: OpeningHost, svc: Service): boolean {
  const { protocol, fwmark, port, addr, family } = svc;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return false;
  if (fwmark !== 0 || port === 0 || svc.persistent || svc.onePacket || svc.pe !== null) return false;
  if (svc.options.clampMss || conntrackOn(ipvs, family) || appOn(ipvs, protocol, port) !== undefined)
    return false;
  // of others' addresses packets only pass through
  if (ipvs.services.get(svc) !== svc || !host.isLocal(family, addr.words, 0)) return false;
  return svc.destinations.every((dest) => isOrdinary(ipvs, dest));
}

/** How many connections it has does not matter, and its packets need no more than a rewrite. */
function isOrdinary({ sysctls, net }: NetnsIpvs, dest: Dest): boolean {
  const method = dest.connFlags & CONN_F_FWD_MASK;
  if (dest.uThreshold !== 0 || net.host.addrType(dest.addr) === 'local') return false;
  // the port that GUE is sent from depends on the client
  if (method === CONN_F_TUNNEL) return dest.tunType !== TUNNEL_TYPE_GUE && sysctls.values.pmtu_disc !== 0;
  return method === CONN_F_MASQ || method === CONN_F_DROUTE;
}
