/** Flows that an earlier daemon has left in the maps: they become carried connections again. */
import { FLOW, FLOW_ACTIONS, FLOW_REPORTS, FLOW4_KEY, FLOW6_KEY } from '../../ebpf/programs/flow-maps.js';
import { connNew, destOf } from '../../engine/conn.js';
import {
  C_DADDR,
  C_EXPIRES,
  C_FLAGS,
  C_INPKTS,
  C_STATE,
  C_TIMEOUT,
  HOT_SHIFT,
  NO_CONN,
} from '../../engine/conn-table.js';
import type { Dest } from '../../engine/dest.js';
import {
  CONN_F_DROUTE,
  CONN_F_FWD_MASK,
  CONN_F_INACTIVE,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../../engine/flags.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { emptyKey } from '../../engine/protocol.js';
import { SCTP_S_ESTABLISHED } from '../../engine/sctp-states.js';
import { TCP_S_ESTABLISHED, TCP_S_LISTEN, TCP_S_SYN_RECV, TCP_S_SYNACK } from '../../engine/tcp-states.js';
import { connStats } from '../../engine/traffic.js';
import { type BpfMap, MapBatch } from '../../linux/bpf-map.js';
import { AF_INET, AF_INET6, type Family } from '../../wire/inet.js';
import { isCarriable, ownerNumber } from './flows-of.js';
import type { FastMaps } from './maps.js';
import { monotonicNs } from './monotonic.js';
import type { Ways } from './ways.js';

/** By what a flow's owner is known among aliases: those of the program are numbers of another kind. @param opened the program has opened it. */
export function aliasOf(owner: number, opened: boolean): number {
  return opened ? owner + 2 ** 32 : owner;
}

/** Flows that are read at once. */
const SCAN = 4096;
const TCP_S_NONE = 0;
const TCP_S_SYN_SENT = 2;
/** States in which the engine knows a connection that has been established since. */
const EARLIER: ReadonlySet<number> = new Set([
  TCP_S_NONE,
  TCP_S_SYN_SENT,
  TCP_S_SYN_RECV,
  TCP_S_LISTEN,
  TCP_S_SYNACK,
]);

/** Whoever keeps what is found. */
export interface Adopter {
  /** A flow that the program has opened, and numbered. @returns false when it cannot be kept so. */
  opened(number: number, c: number): boolean;
  /** The flow of a client. @param packets that it has carried. */
  request(c: number, way: number, packets: number): void;
  /** The flow of answers, which may come before the other one. */
  reply(c: number, way: number): void;
  /** {@link reply} was told of one. @param c may be `NO_CONN` */
  hasReply(c: number): boolean;
}

/**
 * Finds the connection of each flow. One that the engine does not know, because it began after the engine's state was written down, is made again, and
 * offered to the fast path with its next packet. Flows of which nothing can be made are removed.
 * @returns by the owners of flows ({@link aliasOf}), connections that have not the place that these say.
 */
export function adoptFlows(
  ipvs: NetnsIpvs,
  maps: FastMaps,
  ways: Ways,
  adopter: Adopter,
): ReadonlyMap<number, number> {
  const aliases = new Map<number, number>();
  const dests = new Map([...ways.dests()].map(([dest, number]) => [number, dest]));
  const flow = new FoundFlow();
  for (const family of [AF_INET, AF_INET6] as const) {
    const map = family === AF_INET ? maps.flows4 : maps.flows6;
    const batch = new MapBatch(map, SCAN);
    const visit = (keep: (flow: FoundFlow) => boolean): void =>
      map.scan(batch, (count) => {
        for (let i = 0; i < count; i++) {
          flow.read(family, batch, i, map);
          if (!keep(flow)) remove(map, batch, i);
        }
      });
    let strange = false;
    visit(() => {
      if (flow.action !== FLOW_ACTIONS.natReply) return adoptRequest(ipvs, flow, dests, adopter, aliases);
      const c = answered(ipvs, flow);
      if (c === NO_CONN) strange = true;
      else adopter.reply(c, flow.way);
      return true;
    });
    // answers of connections that nobody knew
    if (strange) visit(() => flow.action !== FLOW_ACTIONS.natReply || adopter.hasReply(answered(ipvs, flow)));
  }
  return aliases;
}

/** A flow as it stands in a map. */
class FoundFlow {
  readonly key = emptyKey();
  action = 0;
  way = 0;
  owner = 0;
  /** The program has opened it. */
  opened = false;
  /** The next acknowledgement is the first one after the handshake. */
  report = false;
  packets = 0;
  /** CLOCK_MONOTONIC, ns. */
  lastUsed = 0;
  /** NAT: the new address and port. */
  readonly address = new Int32Array(4);
  port = 0;

  read(family: Family, { keys, values }: MapBatch, index: number, map: BpfMap): void {
    const { fields } = family === AF_INET ? FLOW4_KEY : FLOW6_KEY;
    const at = index * map.keySize;
    const { key } = this;
    key.family = family;
    key.protocol = fields.protocol.get(keys, at + fields.protocol.offset);
    readWords(keys, at + fields.source.offset, family, key.caddr);
    readWords(keys, at + fields.destination.offset, family, key.vaddr);
    key.cport = fields.sourcePort.get(keys, at + fields.sourcePort.offset);
    key.vport = fields.destinationPort.get(keys, at + fields.destinationPort.offset);
    const f = FLOW.fields;
    const base = index * FLOW.size;
    this.action = f.action.get(values, base + f.action.offset);
    this.way = f.way.get(values, base + f.way.offset);
    this.owner = f.owner.get(values, base + f.owner.offset);
    this.opened = f.opened.get(values, base + f.opened.offset) !== 0;
    this.report =
      (f.report.get(values, base + f.report.offset) & (FLOW_REPORTS.next | FLOW_REPORTS.later)) !== 0;
    this.packets = f.packets.get(values, base + f.packets.offset);
    this.lastUsed = f.lastUsed.get(values, base + f.lastUsed.offset);
    this.port = f.port.get(values, base + f.port.offset);
    readWords(values, base + f.address.offset, family, this.address);
  }
}

function readWords(view: DataView, at: number, family: Family, out: Int32Array): void {
  out.fill(0);
  for (let i = 0; i < (family === AF_INET ? 1 : 4); i++) out[i] = view.getInt32(at + 4 * i);
}

function adoptRequest(
  ipvs: NetnsIpvs,
  flow: FoundFlow,
  dests: ReadonlyMap<number, Dest>,
  adopter: Adopter,
  aliases: Map<number, number>,
): boolean {
  const dest = dests.get(flow.way);
  if (dest === undefined) return false;
  const c = ipvs.conns.findIn(flow.key);
  if (c === NO_CONN) {
    const made = remake(ipvs, flow, dest);
    if (made !== NO_CONN) aliases.set(aliasOf(flow.owner, flow.opened), made);
    return false;
  }
  if (destOf(ipvs, c) !== dest || !sendsAs(ipvs, c, flow)) return false;
  if (isEarlier(ipvs, c)) establish(ipvs, c, flow);
  if (flow.opened ? !adopter.opened(flow.owner, c) : flow.owner !== ownerNumber(ipvs, c)) {
    aliases.set(aliasOf(flow.owner, flow.opened), c);
    return false;
  }
  if (!isCarriable(ipvs, c)) return false;
  adopter.request(c, flow.way, flow.packets);
  return true;
}

/** The connection whose server's packets a flow carries, or `NO_CONN`. */
function answered({ conns }: NetnsIpvs, { key }: FoundFlow): number {
  // this looks in both directions
  conns.findIn(key);
  return conns.foundOut;
}

/** The forwarding method that a flow carries out. */
function methodOf({ action }: FoundFlow): number {
  if (action === FLOW_ACTIONS.natRequest) return CONN_F_MASQ;
  return action === FLOW_ACTIONS.direct ? CONN_F_DROUTE : CONN_F_TUNNEL;
}

/** True when a connection's packets go where, and how, the flow sends them. */
function sendsAs({ conns: t }: NetnsIpvs, c: number, flow: FoundFlow): boolean {
  if ((t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) !== methodOf(flow)) return false;
  if (flow.action !== FLOW_ACTIONS.natRequest) return true;
  return t.dport(c) === flow.port && flow.address.every((word, i) => t.addrWord(c, C_DADDR, i) === word);
}

/** Makes the connection of a flow that nobody knows. @returns it, or `NO_CONN` */
function remake(ipvs: NetnsIpvs, flow: FoundFlow, dest: Dest): number {
  if (!dest.available || (dest.connFlags & CONN_F_FWD_MASK) !== methodOf(flow)) return NO_CONN;
  const { key } = flow;
  const nat = flow.action === FLOW_ACTIONS.natRequest;
  const daddr = nat ? flow.address : dest.addr.words;
  const dport = nat ? flow.port : dest.port || key.vport;
  const c = connNew(ipvs, key, dest.addr.family, daddr, dport, 0, dest, dest.vfwmark);
  if (c === NO_CONN) return c;
  const { hot } = ipvs.conns;
  const h = c << HOT_SHIFT;
  hot[h + C_INPKTS] = flow.packets;
  establish(ipvs, c, flow);
  // it was opened after the counters were written down
  if (dest.svc !== null) connStats(ipvs, dest, dest.svc);
  const age = Math.floor((Math.max(0, monotonicNs() - flow.lastUsed) * ipvs.net.hz) / 1e9);
  const expires = (ipvs.net.jiffies - age + hot[h + C_TIMEOUT]!) | 0;
  hot[h + C_EXPIRES] = expires;
  ipvs.connTimers.set(c, expires);
  return c;
}

/** The engine knows it in a state from before it was carried. */
function isEarlier({ conns }: NetnsIpvs, c: number): boolean {
  const state = conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
  const protocol = conns.protocol(c);
  return protocol === IPPROTO_SCTP
    ? state < SCTP_S_ESTABLISHED
    : protocol === IPPROTO_TCP && EARLIER.has(state);
}

/** Of its state only is known that it was carried. */
function establish(ipvs: NetnsIpvs, c: number, { report }: FoundFlow): void {
  const { hot } = ipvs.conns;
  const h = c << HOT_SHIFT;
  const protocol = ipvs.conns.protocol(c);
  let state = report ? TCP_S_SYN_RECV : TCP_S_ESTABLISHED;
  if (protocol === IPPROTO_SCTP) state = SCTP_S_ESTABLISHED;
  else if (protocol === IPPROTO_UDP) state = 0;
  if (protocol !== IPPROTO_UDP && (hot[h + C_FLAGS]! & CONN_F_INACTIVE) !== 0) {
    hot[h + C_FLAGS] = hot[h + C_FLAGS]! & ~CONN_F_INACTIVE;
    const dest = destOf(ipvs, c);
    if (dest !== null) dest.activeconns++;
  }
  hot[h + C_STATE] = (hot[h + C_STATE]! & ~0xffff) | state;
  hot[h + C_TIMEOUT] = ipvs.protoData[protocol]!.timeoutTable[state]!;
}

function remove(map: BpfMap, { keys }: MapBatch, index: number): void {
  for (let i = 0; i < map.keySize; i++) map.key.setUint8(i, keys.getUint8(index * map.keySize + i));
  map.delete();
}
