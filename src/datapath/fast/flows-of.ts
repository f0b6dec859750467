/** What the fast path may carry of a connection: the flows that do to its packets what the engine would do. */

import type { Flow } from '../../ebpf/flow.js';
import {
  C_CADDR,
  C_CONTROL,
  C_DADDR,
  C_FLAGS,
  C_STATE,
  C_VADDR,
  HOT_SHIFT,
  NO_CONN,
} from '../../engine/conn-table.js';
import { gueSourcePort } from '../../engine/encapsulate.js';
import {
  CONN_F_APP,
  CONN_F_DROUTE,
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_NFCT,
  CONN_F_NO_CPORT,
  CONN_F_NOOUTPUT,
  CONN_F_ONE_PACKET,
  CONN_F_SEQ_MASK,
  CONN_F_TEMPLATE,
  CONN_F_TUNNEL,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../../engine/flags.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { SCTP_S_ESTABLISHED } from '../../engine/sctp-states.js';
import {
  TCP_ACK_MOVES,
  TCP_NORMAL_TABLE,
  TCP_S_CLOSE,
  TCP_S_SYN_RECV,
  TCP_S_TIME_WAIT,
} from '../../engine/tcp-states.js';

/** Connections with these need more for each packet than a rewrite. */
const SPECIAL =
  CONN_F_NO_CPORT | CONN_F_SEQ_MASK | CONN_F_NFCT | CONN_F_APP | CONN_F_TEMPLATE | CONN_F_ONE_PACKET;

/** True when the next packets of connection `c` need nothing that the fast path cannot do. */
export function isCarriable(ipvs: NetnsIpvs, c: number): boolean {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  const flags = t.hot[h + C_FLAGS]!;
  if ((flags & SPECIAL) !== 0) return false;
  const method = flags & CONN_F_FWD_MASK;
  if (method !== CONN_F_MASQ && method !== CONN_F_DROUTE && method !== CONN_F_TUNNEL) return false;
  // the programs always keep DF on the outer header
  if (method === CONN_F_TUNNEL && ipvs.sysctls.values.pmtu_disc === 0) return false;
  const protocol = t.protocol(c);
  if (protocol === IPPROTO_SCTP) return isSctpCarriable(ipvs, c, method === CONN_F_MASQ);
  if (protocol !== IPPROTO_TCP) return protocol === IPPROTO_UDP;
  if (isOver(ipvs, c)) return false;
  if (!acknowledgementMoves(ipvs, c)) return true;
  // one acknowledgement ends SYN_RECV, in the table that is used while nobody attacks
  const state = t.hot[h + C_STATE]! & 0xff;
  return state === TCP_S_SYN_RECV && ipvs.protoData[protocol]!.stateTable === TCP_NORMAL_TABLE;
}

/** TCP connection `c` has ended: it only waits until nothing of it can be under way any more. */
export function isOver({ conns }: NetnsIpvs, c: number): boolean {
  const state = conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
  return conns.protocol(c) === IPPROTO_TCP && (state === TCP_S_TIME_WAIT || state === TCP_S_CLOSE);
}

/** A CRC32c would have to be made anew for another port, and who has answered must be known. */
function isSctpCarriable({ conns }: NetnsIpvs, c: number, nat: boolean): boolean {
  const h = c << HOT_SHIFT;
  if ((conns.hot[h + C_STATE]! & 0xff) !== SCTP_S_ESTABLISHED) return false;
  return !nat || (conns.vport(c) === conns.dport(c) && (conns.hot[h + C_FLAGS]! & CONN_F_NOOUTPUT) === 0);
}

/** The state of this TCP connection is one that a segment with nothing but ACK may end. */
function acknowledgementMoves(ipvs: NetnsIpvs, c: number): boolean {
  return ((TCP_ACK_MOVES >> (ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff)) & 1) !== 0;
}

/** Bits of an owner that are the connection's number; those above are its generation. */
const OWNER_BITS = 24;

/** What the flows of connection `c` have for their owner. */
export function ownerNumber(ipvs: NetnsIpvs, c: number): number {
  return (c | (ipvs.conns.generation(c) << OWNER_BITS)) >>> 0;
}

/** The connection that a flow's owner names, or `NO_CONN` when it is over. */
export function ownerOf(ipvs: NetnsIpvs, owner: number): number {
  const t = ipvs.conns;
  const c = owner & ((1 << OWNER_BITS) - 1);
  return t.isUsed(c) && t.generation(c) === owner >>> OWNER_BITS ? c : NO_CONN;
}

/** Number of the counters of clients' packets to the dest whose way has the number `way`; those of answers are the next. */
export function counterOf(way: number): number {
  return 2 * way;
}

/** Fills `flow` in for the client's packets of a connection that {@link isCarriable}. @param way to its dest. */
export function requestFlow(ipvs: NetnsIpvs, c: number, way: number, flow: Flow): void {
  const t = ipvs.conns;
  const method = t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK;
  identity(ipvs, c, way, counterOf(way), flow);
  t.addr(c, C_CADDR, flow.source);
  t.addr(c, C_VADDR, flow.destination);
  flow.sourcePort = t.cport(c);
  flow.destinationPort = t.vport(c);
  if (method !== CONN_F_MASQ) {
    flow.action = method === CONN_F_DROUTE ? 'direct' : 'tunnel';
    if (method === CONN_F_TUNNEL) {
      const { family, source, destination, sourcePort, destinationPort } = flow;
      flow.port = gueSourcePort(family, source, destination, sourcePort, destinationPort);
    }
    return;
  }
  flow.action = 'natRequest';
  t.addr(c, C_DADDR, flow.address);
  flow.port = t.dport(c);
}

/** Fills `flow` in for the answers that a NAT server sends. @param destWay to the dest. @param way to the client. */
export function replyFlow(ipvs: NetnsIpvs, c: number, destWay: number, way: number, flow: Flow): void {
  const t = ipvs.conns;
  identity(ipvs, c, way, counterOf(destWay) + 1, flow);
  t.addr(c, C_DADDR, flow.source);
  t.addr(c, C_CADDR, flow.destination);
  flow.sourcePort = t.dport(c);
  flow.destinationPort = t.cport(c);
  flow.action = 'natReply';
  t.addr(c, C_VADDR, flow.address);
  flow.port = t.vport(c);
  // the first answer of a datagram proves a persistent connection real
  flow.report ||= flow.protocol === IPPROTO_UDP && t.hot[(c << HOT_SHIFT) + C_CONTROL] !== 0;
}

function identity(ipvs: NetnsIpvs, c: number, way: number, counter: number, flow: Flow): void {
  flow.family = ipvs.conns.family(c);
  flow.protocol = ipvs.conns.protocol(c);
  flow.way = way;
  flow.counter = counter;
  flow.owner = ownerNumber(ipvs, c);
  flow.numbered = false;
  flow.tell = 0;
  flow.period = 0;
  flow.report = flow.protocol === IPPROTO_TCP && acknowledgementMoves(ipvs, c);
}
