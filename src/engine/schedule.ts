/** From a packet of no known connection to a new one (`ip_vs_schedule`). */
import { AF_INET6 } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { connNew } from './conn.js';
import { type ConnKey, NO_CONN } from './conn-table.js';
import { DEBUG_NO_DEST, DEBUG_SCHEDULE, debugConn, debugText } from './debug.js';
import { toDrop } from './defence.js';
import type { Dest } from './dest.js';
import { CONN_F_ONE_PACKET, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { leave } from './leave.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { schedulePersistent } from './persist.js';
import { connInGetProto, readPorts } from './proto-ports.js';
import { type ProtoData, SCHEDULE_GO_ON } from './protocol.js';
import type { Service } from './service.js';
import { connStats } from './traffic.js';
import { NF_DROP } from './verdict.js';

export const FTP_PORT = 21;
const FTPDATA_PORT = 20;

/** The service of a packet, in the order of the kernel (`ip_vs_service_find`). */
export function serviceFind(
  ipvs: NetnsIpvs,
  iph: Pick<IpHdr, 'family' | 'protocol'>,
  fwmark: number,
  words: Int32Array,
  port: number,
): Service | undefined {
  const table = ipvs.services;
  const { family, protocol } = iph;
  let svc: Service | undefined;
  if (fwmark !== 0) svc = table.findMark(family, fwmark);
  if (svc !== undefined) return svc;
  svc = table.findAddress(family, protocol, words, port);
  if (svc !== undefined) return svc;
  if (
    protocol === IPPROTO_TCP &&
    ipvs.ftpsvcCounter > 0 &&
    (port === FTPDATA_PORT || port >= ipvs.net.host.unprivilegedPortStart)
  ) {
    svc = table.findAddress(family, protocol, words, FTP_PORT);
  }
  if (svc === undefined && ipvs.nullsvcCounter > 0) svc = table.findAddress(family, protocol, words, 0);
  return svc;
}

/**
 * `conn_schedule` of the protocols that have ports.
 * @param opens the packet is of a kind that may open a connection.
 */
export function scheduleWithPorts(
  ipvs: NetnsIpvs,
  packet: Packet,
  pd: ProtoData,
  iph: IpHdr,
  opens: boolean,
): number {
  ipvs.scheduled = NO_CONN;
  if (!opens) return SCHEDULE_GO_ON;
  const ports = readPorts(packet, iph);
  const svc = iph.inverse
    ? serviceFind(ipvs, iph, packet.mark, iph.saddr, ports >>> 16)
    : serviceFind(ipvs, iph, packet.mark, iph.daddr, ports & 0xffff);
  if (svc === undefined) return SCHEDULE_GO_ON;
  if (toDrop(ipvs)) return NF_DROP;
  const c = schedule(ipvs, svc, packet, iph, ports);
  if (c === NO_CONN && ipvs.ignored <= 0) {
    return ipvs.ignored === 0 ? leave(ipvs, svc, packet, pd, iph) : NF_DROP;
  }
  ipvs.scheduled = c;
  return SCHEDULE_GO_ON;
}

/** Fills a key with the client's and the virtual side of a packet. */
export function fillKey(key: ConnKey, iph: IpHdr, ports: number): void {
  key.family = iph.family;
  key.protocol = iph.protocol;
  const client = iph.inverse ? iph.daddr : iph.saddr;
  const virtual = iph.inverse ? iph.saddr : iph.daddr;
  // for four words a loop is quicker than `set`
  for (let i = 0; i < 4; i++) {
    key.caddr[i] = client[i]!;
    key.vaddr[i] = virtual[i]!;
  }
  key.cport = iph.inverse ? ports & 0xffff : ports >>> 16;
  key.vport = iph.inverse ? ports >>> 16 : ports & 0xffff;
}

/** Chooses a dest and makes the connection. `ipvs.ignored` tells why there is none. */
function schedule(ipvs: NetnsIpvs, svc: Service, packet: Packet, iph: IpHdr, ports: number): number {
  ipvs.ignored = 1;
  const key = ipvs.key;
  fillKey(key, iph, ports);
  // active FTP: the data connection is the server's, found by what the helper expects
  if (key.cport === FTPDATA_PORT) return NO_CONN;
  if (packet.ifindex === 0) {
    if (isLocalReply(ipvs, packet, iph)) return NO_CONN;
    const probed = svc.probes?.get(key.cport);
    if (probed !== undefined) return connectProbe(ipvs, svc, probed, packet, iph);
  }
  if (svc.persistent) return schedulePersistent(ipvs, svc, packet, iph, key);
  ipvs.ignored = 0;
  if (svc.fwmark === 0 && key.vport !== svc.port) return NO_CONN;
  const dest = chooseDest(ipvs, svc, packet, iph);
  if (dest === null) {
    if (ipvs.debugLevel >= DEBUG_NO_DEST) debugText(ipvs, 'Schedule: no dest found.');
    return NO_CONN;
  }
  const c = connectTo(ipvs, svc, dest, packet, iph);
  if (c === NO_CONN) return NO_CONN;
  if (ipvs.debugLevel >= DEBUG_SCHEDULE) debugConn(ipvs, c, 'Schedule');
  connStats(ipvs, dest, svc);
  return c;
}

/** Makes the connection of `ipvs.key`, uncounted. */
function connectTo(ipvs: NetnsIpvs, svc: Service, dest: Dest, packet: Packet, iph: IpHdr): number {
  const key = ipvs.key;
  const flags = svc.onePacket && iph.protocol === IPPROTO_UDP ? CONN_F_ONE_PACKET : 0;
  const dport = dest.port !== 0 ? dest.port : key.vport;
  const c = connNew(ipvs, key, dest.addr.family, dest.addr.words, dport, flags, dest, packet.mark);
  if (c === NO_CONN) ipvs.ignored = -1;
  return c;
}

/** Of a health check: neither the scheduler nor a template is asked. */
function connectProbe(ipvs: NetnsIpvs, svc: Service, dest: Dest, packet: Packet, iph: IpHdr): number {
  ipvs.ignored = 0;
  return connectTo(ipvs, svc, dest, packet, iph);
}

/** Asks the service's scheduler. */
export function chooseDest(ipvs: NetnsIpvs, svc: Service, packet: Packet, iph: IpHdr): Dest | null {
  if (svc.turns !== null) return svc.turns.take();
  return svc.scheduler === null ? null : svc.scheduler.schedule(svc, packet, iph, ipvs.schedulerContext);
}

/** A packet from this host that answers a connection to a local real server opens nothing. */
function isLocalReply(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): boolean {
  iph.inverse = !iph.inverse;
  const c = connInGetProto(ipvs, packet, iph);
  iph.inverse = !iph.inverse;
  return c !== NO_CONN;
}

/** Bits of an address that a service's mask keeps, into `out` (`ipv6_addr_prefix`, netmask). */
export function maskAddress(svc: Service, addr: Int32Array, out: Int32Array): void {
  if (svc.family !== AF_INET6) {
    out[0] = addr[0]! & svc.netmask;
    out[1] = 0;
    out[2] = 0;
    out[3] = 0;
    return;
  }
  for (let i = 0; i < 4; i++) {
    const bits = Math.min(32, Math.max(0, svc.netmask - 32 * i));
    out[i] = bits === 0 ? 0 : addr[i]! & (-1 << (32 - bits));
  }
}
