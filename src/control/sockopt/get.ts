/** `getsockopt` of IPVS, as programs without netlink use it (`do_ip_vs_get_ctl`). */
import { constants } from 'node:os';
import { CONN_F_INACTIVE, CONN_F_NOOUTPUT, SVC_F_HASHED } from '../../engine/flags.js';
import type { StatsView } from '../../engine/stats.js';
import { IpvsError } from '../../errors.js';
import { inetBytes, parseInet } from '../../wire/inet.js';
import { LITTLE } from '../../wire/netlink.js';
import type { DestEntry, Director, ServiceEntry } from '../command.js';
import { errnoOf } from '../errno-of.js';
import { familyOf } from '../fields.js';
import { DAEMON_STATES, FORWARDS, PROTOCOLS, serviceFlagBits, versionNumber } from '../kernel-numbers.js';
import {
  addressAt,
  DAEMON_USER,
  DEST_ENTRY,
  putName,
  SERVICE_ENTRY,
  SIZE,
  STATS_USER,
  u32,
  viewOf,
} from './layout.js';
import { readServiceKey } from './read.js';

/** Options that can be got (`IP_VS_SO_GET_*`). */
export const GET = {
  VERSION: 1152,
  INFO: 1153,
  SERVICES: 1154,
  SERVICE: 1155,
  DESTS: 1156,
  TIMEOUT: 1158,
  DAEMON: 1159,
} as const;

/** The first and the last option that there is, known or not. */
export const GET_RANGE = [1152, 1159] as const;

/** The length that each takes at least. */
const LENGTHS: Readonly<Record<number, number>> = {
  [GET.VERSION]: SIZE.version,
  [GET.INFO]: SIZE.info,
  [GET.SERVICES]: SIZE.services,
  [GET.SERVICE]: SIZE.serviceEntry,
  [GET.DESTS]: SIZE.dests,
  [GET.TIMEOUT]: SIZE.timeout,
  [GET.DAEMON]: 2 * SIZE.daemon,
};

/** Where the number of entries stands that the caller has room for. */
const NUM_SERVICES = 0;
const NUM_DESTS = 16;

/** What a getsockopt ends in. */
export interface Got {
  /** 0 when it went well. */
  readonly errno: number;
  /** The caller's buffer as it is afterwards. */
  readonly bytes: Uint8Array;
  /** What the caller is told as length. */
  readonly length: number;
}

/**
 * Carries out a getsockopt of {@link GET_RANGE}. Never rejects.
 * @param buffer the caller's, with what is in it: some options read it.
 */
export async function getOption(director: Director, option: number, buffer: Uint8Array): Promise<Got> {
  const bytes = buffer.slice();
  const least = LENGTHS[option];
  const { length } = bytes;
  if (least === undefined || length < least) return { errno: constants.errno.EINVAL, bytes, length };
  try {
    return { errno: 0, bytes, length: (await fill(director, option, viewOf(bytes))) ?? length };
  } catch (error) {
    return { errno: errnoOf(error), bytes, length };
  }
}

/** Fills the buffer. @returns the length to tell, when it is another than the caller's */
async function fill(director: Director, option: number, view: DataView): Promise<number | undefined> {
  switch (option) {
    case GET.VERSION: {
      const { version, connTabSize } = await director.execute('info', {});
      const text = new TextEncoder().encode(`IP Virtual Server version ${version} (size=${connTabSize})\0`);
      new Uint8Array(view.buffer, view.byteOffset).set(text);
      return text.length;
    }
    case GET.INFO: {
      const { version, connTabSize } = await director.execute('info', {});
      put(view, 0, versionNumber(version));
      put(view, 4, connTabSize);
      put(view, 8, (await services(director)).length);
      return undefined;
    }
    case GET.SERVICES: {
      const room = entriesIn(view, NUM_SERVICES, SIZE.services, SIZE.serviceEntry);
      const entries = (await services(director)).slice(0, room);
      entries.forEach((entry, i) => {
        putService(part(view, SIZE.services, SIZE.serviceEntry, i), entry);
      });
      return undefined;
    }
    case GET.SERVICE: {
      const service = readServiceKey(view);
      if (service === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
      putService(view, await director.execute('service.get', { service }));
      return undefined;
    }
    case GET.DESTS: {
      const room = entriesIn(view, NUM_DESTS, SIZE.dests, SIZE.destEntry);
      // the identity lies as in a service, but the number of dests is not part of it
      const service = readServiceKey(view);
      if (service === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
      const dests = await director.execute('dest.list', { service });
      const seen = dests.filter(({ address }) => !address.includes(':')).slice(0, room);
      seen.forEach((entry, i) => {
        putDest(part(view, SIZE.dests, SIZE.destEntry, i), entry);
      });
      return undefined;
    }
    case GET.TIMEOUT: {
      const { tcp, tcpFin, udp } = await director.execute('timeout.get', {});
      put(view, 0, tcp);
      put(view, 4, tcpFin);
      put(view, 8, udp);
      return undefined;
    }
    default:
      await putDaemons(director, view);
      return undefined;
  }
}

/** The services that these options can tell. */
async function services(director: Director): Promise<ServiceEntry[]> {
  return (await director.execute('service.list', {})).filter((service) => familyOf(service) === 'inet');
}

/** How many entries the caller has room for. @throws BAD_REQUEST when that is not the buffer's length */
function entriesIn(view: DataView, at: number, header: number, entry: number): number {
  const room = u32(view, at);
  if (view.byteLength !== header + room * entry) throw new IpvsError('BAD_REQUEST');
  return room;
}

function putService(view: DataView, service: ServiceEntry): void {
  clear(view, SIZE.serviceEntry);
  const marked = 'fwmark' in service;
  view.setUint16(SERVICE_ENTRY.protocol, marked ? PROTOCOLS.tcp : PROTOCOLS[service.protocol], LITTLE);
  if (marked) put(view, SERVICE_ENTRY.fwmark, service.fwmark);
  else {
    addressAt(view, SERVICE_ENTRY.addr).set(inetBytes(parseInet(service.address)!));
    view.setUint16(SERVICE_ENTRY.port, service.port);
  }
  putName(view, SERVICE_ENTRY.schedName, service.scheduler);
  put(view, SERVICE_ENTRY.flags, serviceFlagBits(service.flags) | SVC_F_HASHED);
  put(view, SERVICE_ENTRY.timeout, service.timeout);
  addressAt(view, SERVICE_ENTRY.netmask).set(inetBytes(parseInet(service.netmask)!));
  put(view, SERVICE_ENTRY.numDests, service.numDests);
  putStats(view, SERVICE_ENTRY.stats, service.stats);
}

function putDest(view: DataView, dest: DestEntry): void {
  clear(view, SIZE.destEntry);
  addressAt(view, DEST_ENTRY.addr).set(inetBytes(parseInet(dest.address)!));
  view.setUint16(DEST_ENTRY.port, dest.port);
  // what the kernel keeps with a real server: replies are only seen with NAT
  const seen = dest.forward === 'masq' ? 0 : CONN_F_NOOUTPUT;
  put(view, DEST_ENTRY.connFlags, FORWARDS.indexOf(dest.forward) | CONN_F_INACTIVE | seen);
  put(view, DEST_ENTRY.weight, dest.weight);
  put(view, DEST_ENTRY.uThreshold, dest.uThreshold);
  put(view, DEST_ENTRY.lThreshold, dest.lThreshold);
  put(view, DEST_ENTRY.activeConns, dest.activeConns);
  put(view, DEST_ENTRY.inactConns, dest.inactConns);
  put(view, DEST_ENTRY.persistConns, dest.persistConns);
  putStats(view, DEST_ENTRY.stats, dest.stats);
}

/** Thirty-two bits of counters, but for the bytes. */
function putStats(view: DataView, at: number, stats: StatsView): void {
  for (const [name, offset] of Object.entries(STATS_USER) as [keyof StatsView, number][]) {
    if (name === 'inbytes' || name === 'outbytes') {
      view.setBigUint64(at + offset, BigInt(stats[name]), LITTLE);
    } else put(view, at + offset, stats[name]);
  }
}

/** Two daemons: the master and the backup, each only where it runs. */
async function putDaemons(director: Director, view: DataView): Promise<void> {
  clear(view, 2 * SIZE.daemon);
  for (const daemon of await director.execute('daemon.list', {})) {
    const state = DAEMON_STATES.indexOf(daemon.state);
    const entry = part(view, 0, SIZE.daemon, state);
    put(entry, DAEMON_USER.state, state + 1);
    putName(entry, DAEMON_USER.mcastIfn, daemon.interface);
    put(entry, DAEMON_USER.syncid, daemon.syncid);
  }
}

/** Entry `i` of those behind `header` bytes. */
function part(view: DataView, header: number, entry: number, i: number): DataView {
  return new DataView(view.buffer, view.byteOffset + header + i * entry, entry);
}

function clear(view: DataView, length: number): void {
  new Uint8Array(view.buffer, view.byteOffset, length).fill(0);
}

function put(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, LITTLE);
}
