/** Connections as rows of a listing (`ip_vs_conn_seq_show`). */
import { inetFromWords, inetToString } from '../wire/inet.js';
import { type ConnFilter, connMatches } from './conn-filter.js';
import { C_CADDR, C_DADDR, C_EXPIRES, C_FLAGS, C_STATE, C_VADDR, HOT_SHIFT } from './conn-table.js';
import { CONN_F_CARRIED, CONN_F_SYNC, CONN_F_TEMPLATE } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/** One connection. Addresses are texts, ports numbers. */
export interface ConnRow {
  /** Protocol name as listed: TCP, UDP, SCTP, IP. */
  protocol: string;
  clientAddress: string;
  clientPort: number;
  /** The virtual address; for a fwmark template the mark as an address text. */
  virtualAddress: string;
  virtualPort: number;
  destAddress: string;
  destPort: number;
  state: string;
  /** Seconds left, 0 when it is overdue. */
  expires: number;
  /** Made here, or by the sync daemon. */
  origin: 'LOCAL' | 'SYNC';
  /** Persistence engine, and what it found. */
  peName?: string;
  peData?: string;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: 'IP',
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  58: 'ICMPv6',
  132: 'SCTP',
};

/** Places of the table that are looked at for one page at most: a few milliseconds. */
const PLACES = 65_536;

/** States of templates; a sync message may bring others. */
const TEMPLATE_STATES = ['NONE', 'ASSURED'] as const;

/** Name of a protocol as listings show it (`ip_vs_proto_name`). */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `IP_${protocol}`;
}

/**
 * A page of the connection list.
 * @param cursor 0, or `next` of the page before. @param limit most rows.
 * @param filter which connections; a page of few may then be short, or empty, and not the last.
 */
export function listConns(
  ipvs: NetnsIpvs,
  cursor: number,
  limit: number,
  filter?: ConnFilter,
): { entries: ConnRow[]; next?: number } {
  const t = ipvs.conns;
  const entries: ConnRow[] = [];
  const end = filter === undefined ? t.highWater : Math.min(t.highWater, cursor + PLACES);
  let c = cursor;
  for (; c < end && entries.length < limit; c++) {
    if (t.isUsed(c) && (filter === undefined || connMatches(ipvs, c, filter))) entries.push(connRow(ipvs, c));
  }
  return c < t.highWater ? { entries, next: c } : { entries };
}

/** A state as listings show it. @param state the low 16 bits of a connection's state word. */
export function stateNameOf(ipvs: NetnsIpvs, protocol: number, state: number, template: boolean): string {
  if (template) return TEMPLATE_STATES[state] ?? 'ERR!';
  return ipvs.protoData[protocol]?.pp.stateName(state & 0xff) ?? 'NONE';
}

/** The row of connection `c`. */
export function connRow(ipvs: NetnsIpvs, c: number): ConnRow {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  const protocol = t.protocol(c);
  if ((t.hot[h + C_FLAGS]! & CONN_F_CARRIED) !== 0) ipvs.fastPath!.settle(c);
  const state = t.hot[h + C_STATE]! & 0xffff;
  const template = (t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0;
  const name = stateNameOf(ipvs, protocol, state, template);
  const found = ipvs.peData.get(c);
  const left = (t.hot[h + C_EXPIRES]! - ipvs.net.jiffies) | 0;
  return {
    protocol: protocolName(protocol),
    clientAddress: addressText(ipvs, c, C_CADDR),
    clientPort: t.cport(c),
    virtualAddress: addressText(ipvs, c, C_VADDR),
    virtualPort: t.vport(c),
    destAddress: addressText(ipvs, c, C_DADDR),
    destPort: t.dport(c),
    state: name,
    expires: shownSeconds(left, ipvs.net.hz),
    origin: (t.hot[h + C_FLAGS]! & CONN_F_SYNC) !== 0 ? 'SYNC' : 'LOCAL',
    ...(found === undefined ? {} : { peName: found.pe.name, peData: latin1(found.data) }),
  };
}

/** Listings count in 32-bit milliseconds (`jiffies_delta_to_msecs`): what is further away than 49 days looks nearer. */
function shownSeconds(left: number, hz: number): number {
  return Math.floor(((Math.max(left, 0) * (1000 / hz)) % 2 ** 32) / 1000);
}

function addressText(ipvs: NetnsIpvs, c: number, which: number): string {
  const words = new Int32Array(4);
  ipvs.conns.addr(c, which, words);
  const family = which === C_DADDR ? ipvs.conns.destFamily(c) : ipvs.conns.family(c);
  return inetToString(inetFromWords(family, words));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
