/** Answers: services, real servers, daemons, timeouts and the family itself, with the kernel's attributes in the kernel's order. */
import { SVC_F_HASHED } from '../../engine/flags.js';
import type { StatsView } from '../../engine/stats.js';
import { AF_INET, AF_INET6, inetBytes, parseInet } from '../../wire/inet.js';
import { LITTLE, type NetlinkWriter } from '../../wire/netlink.js';
import type { DaemonSpec, DestEntry, Result, ServiceEntry } from '../command.js';
import { familyOf } from '../fields.js';
import {
  DAEMON_STATES,
  FORWARDS,
  PROTOCOLS,
  serviceFlagBits,
  TUN_CSUMS,
  TUN_TYPES,
  versionNumber,
} from '../kernel-numbers.js';
import { CMD_ATTR, DAEMON_ATTR, DEST_ATTR, INFO_ATTR, STATS_ATTR, SVC_ATTR } from './numbers.js';

/** The lower 32 bits. */
const UINT32 = 2 ** 32;
/** Flags that are told are all known. */
const ALL_FLAGS = 0xffffffff;

/** `IPVS_CMD_ATTR_SERVICE` of a service as it is. */
export function writeService(message: NetlinkWriter, service: ServiceEntry): void {
  const inet = familyOf(service) === 'inet';
  const netmask = inet ? new DataView(inetBytes(parseInet(service.netmask)!).buffer).getUint32(0) : 0;
  message.nested(CMD_ATTR.SERVICE, () => {
    message.u16(SVC_ATTR.AF, inet ? AF_INET : AF_INET6);
    if ('fwmark' in service) message.u32(SVC_ATTR.FWMARK, service.fwmark);
    else {
      message.u16(SVC_ATTR.PROTOCOL, PROTOCOLS[service.protocol]);
      message.bytesAttribute(SVC_ATTR.ADDR, addressBytes(service.address));
      message.be16(SVC_ATTR.PORT, service.port);
    }
    message.text(SVC_ATTR.SCHED_NAME, service.scheduler);
    if (service.pe !== undefined) message.text(SVC_ATTR.PE_NAME, service.pe);
    message.bytesAttribute(SVC_ATTR.FLAGS, words(serviceFlagBits(service.flags) | SVC_F_HASHED, ALL_FLAGS));
    message.u32(SVC_ATTR.TIMEOUT, service.timeout);
    if (inet) message.be32(SVC_ATTR.NETMASK, netmask);
    else message.u32(SVC_ATTR.NETMASK, Number(service.netmask));
    writeStats(message, SVC_ATTR.STATS, SVC_ATTR.STATS64, service.stats);
  });
}

/** `IPVS_CMD_ATTR_DEST` of a real server as it is. */
export function writeDest(message: NetlinkWriter, dest: DestEntry): void {
  message.nested(CMD_ATTR.DEST, () => {
    message.bytesAttribute(DEST_ATTR.ADDR, addressBytes(dest.address));
    message.be16(DEST_ATTR.PORT, dest.port);
    message.u32(DEST_ATTR.FWD_METHOD, FORWARDS.indexOf(dest.forward));
    message.u32(DEST_ATTR.WEIGHT, dest.weight);
    message.u8(DEST_ATTR.TUN_TYPE, TUN_TYPES.indexOf(dest.tunType));
    message.be16(DEST_ATTR.TUN_PORT, dest.tunPort);
    message.u16(DEST_ATTR.TUN_FLAGS, TUN_CSUMS.indexOf(dest.tunCsum));
    message.u32(DEST_ATTR.U_THRESH, dest.uThreshold);
    message.u32(DEST_ATTR.L_THRESH, dest.lThreshold);
    message.u32(DEST_ATTR.ACTIVE_CONNS, dest.activeConns);
    message.u32(DEST_ATTR.INACT_CONNS, dest.inactConns);
    message.u32(DEST_ATTR.PERSIST_CONNS, dest.persistConns);
    message.u16(DEST_ATTR.ADDR_FAMILY, dest.address.includes(':') ? AF_INET6 : AF_INET);
    writeStats(message, DEST_ATTR.STATS, DEST_ATTR.STATS64, dest.stats);
  });
}

/** `IPVS_CMD_ATTR_DAEMON` of a daemon that runs. */
export function writeDaemon(message: NetlinkWriter, daemon: DaemonSpec): void {
  message.nested(CMD_ATTR.DAEMON, () => {
    message.u32(DAEMON_ATTR.STATE, DAEMON_STATES.indexOf(daemon.state) + 1);
    message.text(DAEMON_ATTR.MCAST_IFN, daemon.interface);
    message.u32(DAEMON_ATTR.SYNC_ID, daemon.syncid);
    message.u16(DAEMON_ATTR.SYNC_MAXLEN, daemon.maxlen ?? 0);
    message.u16(DAEMON_ATTR.MCAST_PORT, daemon.port ?? 0);
    message.u8(DAEMON_ATTR.MCAST_TTL, daemon.ttl ?? 0);
    if (daemon.group === undefined) return;
    const group = inetBytes(parseInet(daemon.group)!);
    message.bytesAttribute(group.length === 4 ? DAEMON_ATTR.MCAST_GROUP : DAEMON_ATTR.MCAST_GROUP6, group);
  });
}

/** The three timeouts. */
export function writeTimeouts(message: NetlinkWriter, { tcp, tcpFin, udp }: Result<'timeout.get'>): void {
  message.u32(CMD_ATTR.TIMEOUT_TCP, tcp);
  message.u32(CMD_ATTR.TIMEOUT_TCP_FIN, tcpFin);
  message.u32(CMD_ATTR.TIMEOUT_UDP, udp);
}

/** Version and size of the connection table. */
export function writeInfo(message: NetlinkWriter, { version, connTabSize }: Result<'info'>): void {
  message.u32(INFO_ATTR.VERSION, versionNumber(version));
  message.u32(INFO_ATTR.CONN_TAB_SIZE, connTabSize);
}

/** Counters, with 32 bits where old programs look and with 64 bits. */
function writeStats(message: NetlinkWriter, type: number, type64: number, stats: StatsView): void {
  const u32 = (attribute: number, value: number): NetlinkWriter => message.u32(attribute, value % UINT32);
  const u64 = (attribute: number, value: number): NetlinkWriter =>
    message.u64(attribute, value, STATS_ATTR.PAD);
  for (const [nested, counter] of [
    [type, u32],
    [type64, u64],
  ] as const) {
    message.nested(nested, () => {
      counter(STATS_ATTR.CONNS, stats.conns);
      counter(STATS_ATTR.INPKTS, stats.inpkts);
      counter(STATS_ATTR.OUTPKTS, stats.outpkts);
      u64(STATS_ATTR.INBYTES, stats.inbytes);
      u64(STATS_ATTR.OUTBYTES, stats.outbytes);
      counter(STATS_ATTR.CPS, stats.cps);
      counter(STATS_ATTR.INPPS, stats.inpps);
      counter(STATS_ATTR.OUTPPS, stats.outpps);
      counter(STATS_ATTR.INBPS, stats.inbps);
      counter(STATS_ATTR.OUTBPS, stats.outbps);
    });
  }
}

/** Sixteen bytes, of which an IPv4 address fills the first four. */
function addressBytes(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(inetBytes(parseInet(address)!));
  return bytes;
}

function words(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    view.setUint32(4 * i, value, LITTLE);
  });
  return new Uint8Array(view.buffer);
}
