/** The control operations (`ip_vs_ctl.c`): services, dests, timeouts, with the kernel's checks, order and errors. */
import { IpvsError } from '../errors.js';
import { AF_INET, AF_INET6, type InetAddr, inetEqual } from '../wire/inet.js';
import { appOn } from './app.js';
import { clearUdp } from './clear-udp.js';
import { registerConntrack, unregisterConntrack } from './conntrack.js';
import { Dest, type DestUser } from './dest.js';
import { trash, trashGet } from './dest-trash.js';
import { zeroStats } from './estimator.js';
import {
  CONN_F_DEST_MASK,
  CONN_F_FWD_MASK,
  CONN_F_INACTIVE,
  CONN_F_MASQ,
  CONN_F_NOOUTPUT,
  CONN_F_TUNNEL,
  DEST_F_AVAILABLE,
  DEST_F_OVERLOAD,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SVC_F_HASHED,
  TUNNEL_TYPE_GUE,
} from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { type PersistenceEngine, persistenceEngines } from './persistence-engine.js';
import { FTP_PORT } from './schedule.js';
import type { Scheduler } from './scheduler.js';
import { Service, type ServiceId, type ServiceUser } from './service.js';
import { changeOptions, NO_OPTIONS } from './service-options.js';
import { ownTimeouts } from './state-timeouts.js';
import { TCP_S_ESTABLISHED, TCP_S_FIN_WAIT } from './tcp-states.js';

const INT_MAX = 0x7fff_ffff;

/** Identity of a dest within a service. */
export interface DestId {
  readonly addr: InetAddr;
  readonly port: number;
}

/** Seconds, as `ipvsadm --set` takes them; 0 or absent leaves a value as it is. */
export interface Timeouts {
  readonly tcp?: number;
  readonly tcpFin?: number;
  readonly udp?: number;
}

/** The service with this identity, or undefined. */
export function findService(ipvs: NetnsIpvs, id: ServiceId): Service | undefined {
  return ipvs.services.get(id);
}

/** The service with this identity. @throws SERVICE_NOT_FOUND */
export function getService(ipvs: NetnsIpvs, id: ServiceId): Service {
  const svc = ipvs.services.get(id);
  if (svc === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
  return svc;
}

/** Adds a service. @throws SERVICE_EXISTS, SCHEDULER_NOT_FOUND, PE_NOT_FOUND, INVALID (`ip_vs_add_service`). */
export function addService(ipvs: NetnsIpvs, user: ServiceUser): void {
  if (ipvs.services.get(user) !== undefined) throw new IpvsError('SERVICE_EXISTS');
  const scheduler = findScheduler(ipvs, user.schedName);
  const pe = findEngine(user.peName);
  checkNetmask(user);
  const svc = new Service(user);
  checkOptions(ipvs, svc, user);
  applyUser(ipvs, svc, user);
  scheduler?.initService?.(svc, ipvs.schedulerContext);
  svc.scheduler = scheduler;
  svc.pe = pe;
  countFamily(ipvs, svc, 1);
  ipvs.services.add(svc);
  svc.flags |= SVC_F_HASHED;
  applyOptions(ipvs, svc, user.options);
  countSpecial(ipvs, svc, 1);
  if (pe?.connOut) ipvs.connOutCounter++;
}

/** Changes a service's scheduler, flags, timeout, mask and engine (`ip_vs_edit_service`). */
export function editService(ipvs: NetnsIpvs, user: ServiceUser): void {
  const svc = getService(ipvs, user);
  const scheduler = findScheduler(ipvs, user.schedName);
  const pe = findEngine(user.peName);
  checkNetmask(user);
  checkOptions(ipvs, svc, user);
  svc.turns = null;
  const old = svc.scheduler;
  if (old !== scheduler) {
    // the old scheduler's state is gone before the new one starts; when that fails the old one starts again
    old?.doneService?.(svc, ipvs.schedulerContext);
    svc.schedData = undefined;
    try {
      scheduler?.initService?.(svc, ipvs.schedulerContext);
    } catch (error) {
      svc.schedData = undefined;
      old?.initService?.(svc, ipvs.schedulerContext);
      throw error;
    }
    svc.scheduler = scheduler;
  }
  applyUser(ipvs, svc, user);
  applyOptions(ipvs, svc, user.options);
  svc.flags |= SVC_F_HASHED;
  if (pe?.connOut) ipvs.connOutCounter++;
  if (svc.pe?.connOut) ipvs.connOutCounter--;
  svc.pe = pe;
}

/** Removes a service; its connections stay, without a dest in use (`ip_vs_del_service`). */
export function delService(ipvs: NetnsIpvs, id: ServiceId): void {
  unlinkService(ipvs, getService(ipvs, id));
  if (ipvs.sysctls.values.expire_nodest_conn !== 0) ipvs.net.armNodest();
}

/** Removes all services (`ip_vs_flush`). */
export function flush(ipvs: NetnsIpvs): void {
  for (const svc of [...ipvs.services]) unlinkService(ipvs, svc);
  if (ipvs.sysctls.values.expire_nodest_conn !== 0) ipvs.net.armNodest();
}

function unlinkService(ipvs: NetnsIpvs, svc: Service): void {
  ipvs.services.delete(svc);
  svc.turns = null;
  svc.flags &= ~SVC_F_HASHED;
  countSpecial(ipvs, svc, -1);
  unregisterConntrack(ipvs, svc);
  countOptions(ipvs, svc, -1);
  if (svc.pe?.connOut) ipvs.connOutCounter--;
  for (const dest of svc.probes?.values() ?? []) {
    dest.flags &= ~DEST_F_AVAILABLE;
    trash(ipvs, dest);
  }
  svc.probes = null;
  while (svc.destinations.length > 0) unlinkDest(ipvs, svc, svc.destinations[0]!, false);
  svc.scheduler?.doneService?.(svc, ipvs.schedulerContext);
  svc.schedData = undefined;
  svc.scheduler = null;
  countFamily(ipvs, svc, -1);
}

/** Adds a real server, or takes it out of the trash with its connections (`ip_vs_add_dest`). */
export function addDest(ipvs: NetnsIpvs, id: ServiceId, user: DestUser): void {
  const svc = getService(ipvs, id);
  checkMixedFamily(ipvs, svc, user);
  checkDest(user);
  const there = findDest(svc, user);
  if (there !== undefined) {
    if (there.drain === null) throw new IpvsError('DEST_EXISTS');
    // on its way out it is as good as in the trash
    forgetDrain(ipvs, there);
    there.options = NO_OPTIONS;
    changeDest(ipvs, svc, there, user);
    return;
  }
  let dest = trashGet(ipvs, svc, user);
  if (dest === undefined) {
    checkDestAddress(ipvs, user);
    const index = ipvs.freeDests.pop() ?? ipvs.dests.length;
    dest = new Dest(index, svc, user.addr, user.port);
    ipvs.dests[index] = dest;
  } else {
    // what was carried of it meanwhile counts for nobody
    ipvs.fastPath?.fold(dest);
    if (dest.svc !== svc) zeroStats(dest.stats);
  }
  dest.svc = svc;
  dest.ending = 'none';
  dest.options = NO_OPTIONS;
  if (user.addr.family !== svc.family) ipvs.mixedAddressFamilyDests++;
  dest.lastWeight = user.weight;
  applyDestUser(ipvs, svc, dest, user);
  svc.destinations.unshift(dest);
  svc.scheduler?.addDest?.(svc, dest, ipvs.schedulerContext);
}

/** Changes a real server; connections keep the method they were made with (`ip_vs_edit_dest`). */
export function editDest(ipvs: NetnsIpvs, id: ServiceId, user: DestUser): void {
  const svc = getService(ipvs, id);
  checkMixedFamily(ipvs, svc, user);
  checkDest(user);
  const dest = findDest(svc, user);
  if (dest === undefined) throw new IpvsError('DEST_NOT_FOUND');
  changeDest(ipvs, svc, dest, user);
}

function changeDest(ipvs: NetnsIpvs, svc: Service, dest: Dest, user: DestUser): void {
  if (user.weight !== 0) dest.lastWeight = user.weight;
  const dies = dest.weight > 0 && user.weight === 0;
  applyDestUser(ipvs, svc, dest, user);
  svc.scheduler?.updDest?.(svc, dest, ipvs.schedulerContext);
  if (dies && svc.options.clearUdp) clearUdp(ipvs, dest);
}

/** Removes a real server (`ip_vs_del_dest`). */
export function delDest(ipvs: NetnsIpvs, id: ServiceId, which: DestId): void {
  const svc = getService(ipvs, id);
  const dest = findDest(svc, which);
  if (dest === undefined) throw new IpvsError('DEST_NOT_FOUND');
  removeDest(ipvs, svc, dest);
}

/** Removes a real server of a service. */
export function removeDest(ipvs: NetnsIpvs, svc: Service, dest: Dest): void {
  unlinkDest(ipvs, svc, dest, true);
  if (ipvs.sysctls.values.expire_nodest_conn !== 0) ipvs.net.armNodest();
}

function forgetDrain(ipvs: NetnsIpvs, dest: Dest): void {
  dest.drain = null;
  ipvs.draining.delete(dest);
}

function unlinkDest(ipvs: NetnsIpvs, svc: Service, dest: Dest, tellScheduler: boolean): void {
  svc.turns = null;
  const index = svc.destinations.indexOf(dest);
  // what was carried until now is counted
  ipvs.fastPath?.fold(dest);
  if (dest.drain !== null) forgetDrain(ipvs, dest);
  dest.flags &= ~DEST_F_AVAILABLE;
  svc.destinations.splice(index, 1);
  if (dest.addr.family !== svc.family) ipvs.mixedAddressFamilyDests--;
  if (tellScheduler) svc.scheduler?.delDest?.(svc, dest, index, ipvs.schedulerContext);
  ipvs.realServers.delete(dest);
  if (svc.options.clearUdp) clearUdp(ipvs, dest);
  trash(ipvs, dest);
}

/** Counters of a service and its dests, or of everything, read 0 from now on. */
export function zero(ipvs: NetnsIpvs, id?: ServiceId): void {
  if (id !== undefined) {
    zeroService(getService(ipvs, id));
    return;
  }
  for (const svc of ipvs.services) zeroService(svc);
  zeroStats(ipvs.totStats);
}

function zeroService(svc: Service): void {
  for (const dest of svc.destinations) zeroStats(dest.stats);
  zeroStats(svc.stats);
}

/** Sets the three timeouts that can be set, all or none (`ip_vs_set_timeout`). */
export function setTimeouts(ipvs: NetnsIpvs, t: Timeouts): void {
  const most = Math.floor(0x7fff_ffff / ipvs.net.hz);
  for (const name of ['tcp', 'tcpFin', 'udp'] as const) {
    const seconds = t[name] ?? 0;
    if (seconds < 0 || seconds > most)
      throw new IpvsError('INVALID', `${seconds} is not within 0..${most}`, name);
  }
  const { hz } = ipvs.net;
  const tcp = ipvs.protoData[IPPROTO_TCP]!.timeoutTable;
  if (t.tcp) tcp[TCP_S_ESTABLISHED] = t.tcp * hz;
  if (t.tcpFin) tcp[TCP_S_FIN_WAIT] = t.tcpFin * hz;
  if (t.udp) ipvs.protoData[IPPROTO_UDP]!.timeoutTable[0] = t.udp * hz;
}

/** The three timeouts, seconds. */
export function getTimeouts(ipvs: NetnsIpvs): { tcp: number; tcpFin: number; udp: number } {
  const { hz } = ipvs.net;
  const tcp = ipvs.protoData[IPPROTO_TCP]!.timeoutTable;
  return {
    tcp: Math.floor(tcp[TCP_S_ESTABLISHED]! / hz),
    tcpFin: Math.floor(tcp[TCP_S_FIN_WAIT]! / hz),
    udp: Math.floor(ipvs.protoData[IPPROTO_UDP]!.timeoutTable[0]! / hz),
  };
}

/** The real server of a service with this identity. */
export function findDest(svc: Service, which: DestId): Dest | undefined {
  return svc.destinations.find((d) => d.port === which.port && inetEqual(d.addr, which.addr));
}

function findScheduler(ipvs: NetnsIpvs, name: string): Scheduler | null {
  if (name === 'none') return null;
  const scheduler = ipvs.schedulers.get(name);
  if (scheduler === undefined)
    throw new IpvsError('SCHEDULER_NOT_FOUND', `no scheduler "${name}"`, 'scheduler');
  return scheduler;
}

function findEngine(name: string): PersistenceEngine | null {
  if (name === '') return null;
  const pe = persistenceEngines.find((engine) => engine.name === name);
  if (pe !== undefined) return pe;
  throw new IpvsError('PE_NOT_FOUND', `no persistence engine "${name}"`, 'pe');
}

function checkNetmask(user: ServiceUser): void {
  if (user.family === AF_INET6 && (user.netmask < 1 || user.netmask > 128)) {
    throw new IpvsError('INVALID', `${user.netmask} is not a prefix length (1..128)`, 'netmask');
  }
}

function applyUser(ipvs: NetnsIpvs, svc: Service, user: ServiceUser): void {
  svc.flags = user.flags;
  svc.timeout = user.timeout * ipvs.net.hz;
  svc.netmask = user.netmask;
}

function checkOptions(ipvs: NetnsIpvs, svc: Service, { options }: ServiceUser): void {
  ownTimeouts(svc, changeOptions(svc.options, options), ipvs.net.hz);
}

function applyOptions(ipvs: NetnsIpvs, svc: Service, options: ServiceUser['options']): void {
  if (options === undefined) return;
  countOptions(ipvs, svc, -1);
  svc.options = changeOptions(svc.options, options);
  svc.ownTimeouts = ownTimeouts(svc, svc.options, ipvs.net.hz);
  countOptions(ipvs, svc, 1);
}

/** The packet path asks for options only while a service has some. */
function countOptions(ipvs: NetnsIpvs, { options, ownTimeouts }: Service, by: number): void {
  if (ownTimeouts !== undefined) ipvs.ownTimeouts += by;
  if (options.reusePorts) ipvs.portReusers += by;
  if (options.clampMss) ipvs.mssClampers += by;
}

function checkMixedFamily(ipvs: NetnsIpvs, svc: Service, user: DestUser): void {
  if (user.addr.family === svc.family) return;
  if ((user.connFlags & CONN_F_FWD_MASK) !== CONN_F_TUNNEL) {
    throw new IpvsError('INVALID', 'a server of another address family needs the tunnel method', 'forward');
  }
  if (ipvs.syncState !== 0) throw new IpvsError('INVALID', 'not while a sync daemon runs', 'address');
}

function checkDest(user: DestUser): void {
  if (user.weight < 0) throw new IpvsError('OUT_OF_RANGE', `${user.weight} is negative`, 'weight');
  if (user.lThreshold > user.uThreshold) {
    throw new IpvsError('OUT_OF_RANGE', `${user.lThreshold} is above the upper threshold`, 'lThreshold');
  }
  if (user.uThreshold > INT_MAX) {
    throw new IpvsError('INVALID', `${user.uThreshold} is above ${INT_MAX}`, 'uThreshold');
  }
  if (user.tunType === TUNNEL_TYPE_GUE && user.tunPort === 0) {
    throw new IpvsError('INVALID', 'GUE needs a port', 'tunPort');
  }
}

function checkDestAddress(ipvs: NetnsIpvs, user: DestUser): void {
  const type = ipvs.net.host.addrType(user.addr);
  if (type !== 'unicast' && type !== 'local') {
    throw new IpvsError('INVALID', `a ${type} address cannot be a real server`, 'address');
  }
}

/** The kernel tracks for port 21 alone, and elsewhere relies on a firewall that does: here the application says that it needs it. */
function needsConntrack(ipvs: NetnsIpvs, { protocol, port }: Service): boolean {
  return port === FTP_PORT || appOn(ipvs, protocol, port)?.conntrack === true;
}

function applyDestUser(ipvs: NetnsIpvs, svc: Service, dest: Dest, user: DestUser): void {
  svc.turns = null;
  // one that drains has it when it is to stay after all
  if (dest.drain === null) dest.weight = user.weight;
  else dest.drain.weight = user.weight;
  let flags = (user.connFlags & CONN_F_DEST_MASK) | CONN_F_INACTIVE;
  if ((flags & CONN_F_FWD_MASK) !== CONN_F_MASQ) flags |= CONN_F_NOOUTPUT;
  else if (needsConntrack(ipvs, svc)) registerConntrack(ipvs, svc);
  dest.connFlags = flags;
  dest.tunType = user.tunType;
  dest.tunPort = user.tunPort;
  dest.tunFlags = user.tunFlags;
  dest.flags |= DEST_F_AVAILABLE;
  if (user.uThreshold === 0 || user.uThreshold > dest.uThreshold) dest.flags &= ~DEST_F_OVERLOAD;
  dest.uThreshold = user.uThreshold;
  dest.lThreshold = user.lThreshold;
  dest.options = changeOptions(dest.options, user.options);
  dest.route = undefined;
  dest.routeGeneration = -1;
  ipvs.realServers.add(dest);
}

/** The hooks of a family come with its first service and go with its last: its packets are then no longer looked at. */
function countFamily(ipvs: NetnsIpvs, svc: Service, by: number): void {
  if (svc.family === AF_INET) ipvs.numServices += by;
  else ipvs.numServices6 += by;
  ipvs.hooksAfmask = (ipvs.numServices > 0 ? 1 : 0) | (ipvs.numServices6 > 0 ? 2 : 0);
}

function countSpecial(ipvs: NetnsIpvs, svc: Service, by: number): void {
  if (svc.port === FTP_PORT) ipvs.ftpsvcCounter += by;
  else if (svc.port === 0) ipvs.nullsvcCounter += by;
}
