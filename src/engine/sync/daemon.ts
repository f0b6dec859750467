/** The sync daemons: started, stopped, listed (`start_sync_thread`, `stop_sync_thread`). */
import { IpvsError } from '../../errors.js';
import { AF_INET, AF_INET6, type InetAddr, inet4 } from '../../wire/inet.js';
import type { SyncReceiver, SyncSocketOptions } from '../host.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { processMessage } from './backup.js';
import { MasterThread, startMaster } from './master.js';

/** Bits of `sync_state` (`IP_VS_STATE_MASTER`, `IP_VS_STATE_BACKUP`). */
export const SYNC_STATE_MASTER = 1;
export const SYNC_STATE_BACKUP = 2;

/** Which of the two daemons. */
export type SyncRole = 'master' | 'backup';

/** How a daemon is to be (`struct ipvs_sync_daemon_cfg`); what is left out is the kernel's choice. */
export interface SyncDaemonUser {
  readonly state: SyncRole;
  /** Name of the interface by which messages leave and come in. */
  readonly interface: string;
  /** 0..255. A backup hears only masters with its own; with 0 it hears all. */
  readonly syncid: number;
  /** Most bytes of a message. @default 1500 less headers; of a backup the interface's MTU when that is more */
  readonly maxlen?: number;
  /** Multicast group. @default 224.0.0.81 */
  readonly group?: InetAddr;
  /** UDP port of the first thread; the others have those that follow. @default 8848 */
  readonly port?: number;
  /** TTL or hop limit. @default 1 */
  readonly ttl?: number;
}

/** A daemon as it runs. */
export type SyncDaemon = Required<SyncDaemonUser>;

/** Most threads, each with its port (`IPVS_SYNC_PORTS_MAX`). */
export const SYNC_PORTS_MAX = 64;

const GROUP = 0xe000_0051;
const PORT = 8848;
const TTL = 1;
const ETHERNET_MTU = 1500;
const MAX_PACKET = 65_535;
/** Least length that a backup's buffer may be given. */
const BACKUP_LEAST = 1024;
/** Bytes of an IP and a UDP header. */
const HEADERS4 = 28;
const HEADERS6 = 48;

/**
 * Starts a daemon.
 * @throws INVALID (no multicast group; dests of another family than their service's), NO_DEVICE, DAEMON_RUNNING, and what the
 * host's sockets end in.
 */
export function startDaemon(ipvs: NetnsIpvs, user: SyncDaemonUser): void {
  if (user.group !== undefined && !isMulticast(user.group))
    throw new IpvsError('INVALID', 'not a multicast address', 'group');
  // messages cannot carry a server of another family than its service's
  if (ipvs.mixedAddressFamilyDests > 0)
    throw new IpvsError('INVALID', 'not while a service has servers of another address family');
  const mtu = ipvs.net.host.interfaceMtu(user.interface);
  if (mtu === undefined) throw new IpvsError('NO_DEVICE', undefined, 'interface');
  const config = complete(user, mtu);
  if ((user.state === 'master' ? ipvs.ms : ipvs.backupSockets) !== undefined)
    throw new IpvsError('DAEMON_RUNNING');
  if (ipvs.syncState === 0)
    ipvs.threadsMask = Math.max(1, Math.min(ipvs.sysctls.values.sync_ports, SYNC_PORTS_MAX)) - 1;
  if (user.state === 'master') startMasterDaemon(ipvs, config);
  else startBackupDaemon(ipvs, config);
}

function startMasterDaemon(ipvs: NetnsIpvs, config: SyncDaemon): void {
  const senders = openAll(ipvs, config, (options) => ipvs.net.host.openSyncSender(options));
  ipvs.mcfg = config;
  ipvs.ms = senders.map((sender, id) => new MasterThread(id, sender));
  ipvs.syncState |= SYNC_STATE_MASTER;
  for (const thread of ipvs.ms) startMaster(ipvs, thread);
}

function startBackupDaemon(ipvs: NetnsIpvs, config: SyncDaemon): void {
  const receive = (bytes: Uint8Array): void => processMessage(ipvs, bytes);
  const receivers = openAll(ipvs, config, (options) => ipvs.net.host.openSyncReceiver(options, receive));
  ipvs.bcfg = config;
  ipvs.backupSockets = receivers;
  ipvs.syncState |= SYNC_STATE_BACKUP;
}

/** Stops a daemon; what it has not sent yet is lost. @throws DAEMON_NOT_RUNNING */
export function stopDaemon(ipvs: NetnsIpvs, state: SyncRole): void {
  const sockets = state === 'master' ? ipvs.ms?.map((thread) => thread.sender) : ipvs.backupSockets;
  if (sockets === undefined) throw new IpvsError('DAEMON_NOT_RUNNING');
  if (state === 'master') {
    ipvs.syncState &= ~SYNC_STATE_MASTER;
    for (const { id } of ipvs.ms!) ipvs.net.disarmSync(id);
    ipvs.ms = undefined;
    ipvs.mcfg = undefined;
  } else {
    ipvs.syncState &= ~SYNC_STATE_BACKUP;
    ipvs.backupSockets = undefined;
    ipvs.bcfg = undefined;
  }
  for (const socket of sockets) socket.close();
}

/** The daemons that run, the master first. */
export function daemons(ipvs: NetnsIpvs): SyncDaemon[] {
  return [ipvs.mcfg, ipvs.bcfg].filter((config) => config !== undefined);
}

function isMulticast({ family, words }: InetAddr): boolean {
  return family === AF_INET ? words[0]! >>> 28 === 14 : words[0]! >>> 24 === 255;
}

function complete(user: SyncDaemonUser, mtu: number): SyncDaemon {
  const group = user.group ?? inet4(GROUP);
  const headers = group.family === AF_INET6 ? HEADERS6 : HEADERS4;
  const backup = user.state === 'backup';
  const packet = backup ? clamp(mtu, ETHERNET_MTU, MAX_PACKET) : ETHERNET_MTU;
  return {
    state: user.state,
    interface: user.interface,
    syncid: user.syncid,
    maxlen: user.maxlen
      ? clamp(user.maxlen, backup ? BACKUP_LEAST : 1, MAX_PACKET - headers)
      : packet - headers,
    group,
    port: user.port || PORT,
    ttl: user.ttl || TTL,
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Opens the sockets of all threads, or none. */
function openAll<T extends SyncReceiver>(
  ipvs: NetnsIpvs,
  config: SyncDaemon,
  open: (options: SyncSocketOptions) => T,
): T[] {
  const sockets: T[] = [];
  const { interface: device, group, port, ttl } = config;
  const bufferSize = Math.max(0, ipvs.sysctls.values.sync_sock_size);
  try {
    for (let id = 0; id <= ipvs.threadsMask; id++) {
      sockets.push(open({ interface: device, group, port: (port + id) & 0xffff, ttl, bufferSize }));
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return sockets;
}
