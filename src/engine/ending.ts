/**
 * The end of connections whose server was drained and is gone. The kernel drops their packets silently; here whoever sends one is told.
 *
 * A reset counts only with the number that its receiver expects (RFC 5961 3), and the engine keeps no numbers. It need not: each packet says
 * which number its sender expects (its acknowledgement), and where its sender is itself (its sequence number), which is what the other side
 * expects. So a client's packet yields both resets; one back to the client, and it goes on to the server as a reset of the client's. Who is
 * idle is made to send one: a SYN that belongs to no connection is answered with an ACK (RFC 5961 4.2).
 */
import {
  ICMP_DEST_UNREACH,
  ICMP_PORT_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PORT_UNREACH,
} from '../wire/icmp.js';
import { AF_INET, inetFromWords } from '../wire/inet.js';
import { Packet } from '../wire/packet.js';
import { TCP_MIN, TCP_RST, tcpFlags } from '../wire/tcp.js';
import { buildProbe, buildReset, makeReset, type TcpPath } from '../wire/tcp-reset.js';
import { connExpireNow, connPut } from './conn.js';
import { C_CADDR, C_DEST, C_FLAGS, C_PORTS, C_STATE, C_VADDR, HOT_SHIFT } from './conn-table.js';
import type { Dest } from './dest.js';
import { CONN_F_TEMPLATE, IPPROTO_TCP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { DIR_INPUT, type ProtoData } from './protocol.js';
import type { DrainEnd } from './service-options.js';
import { TCP_S_CLOSE, TCP_S_TIME_WAIT } from './tcp-states.js';
import { NF_DROP } from './verdict.js';
import { packetXmit } from './xmit.js';

/** Connections of one server that are being ended. */
export interface Ending {
  readonly dest: Dest;
  /** Where in the table the search for idle clients is, and how often it has been through. */
  cursor: number;
  round: number;
}

/** Idle clients are asked so often, */
const ROUNDS = 2;
/** seconds apart: more often than every half second Linux does not answer one connection. */
const ROUND_PAUSE = 1;
/** Places of the table that are looked at in one tick, and clients that are asked in it. */
const PLACES = 16_384;
const PROBES = 128;

/** What the engine sends by itself. */
const own = new Packet(512);

/** Ends what is left of a server that is gone. */
export function beginEnding(ipvs: NetnsIpvs, dest: Dest, how: DrainEnd): void {
  dest.ending = how;
  if (how !== 'rst') return;
  ipvs.endings.push({ dest, cursor: 0, round: 0 });
  ipvs.net.armEnding(1);
}

/**
 * A client's packet of a connection whose server is gone, and whose end is to be told. One that begins a connection is none of these.
 * @returns the verdict.
 */
export function endConn(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  how: DrainEnd,
  pd: ProtoData,
  iph: IpHdr,
): number {
  if (iph.fragoffs !== 0) return NF_DROP;
  if (how === 'rst' && iph.protocol === IPPROTO_TCP) {
    return iph.len + TCP_MIN > packet.len ? NF_DROP : resetBoth(ipvs, packet, c, pd, iph);
  }
  const { host } = ipvs.net;
  if (iph.family === AF_INET) host.icmpSend(packet, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  else host.icmpSend(packet, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  // told once, a client without connections tries again, and may have another server then; TCP believes no ICMP error, and is told again
  if (iph.protocol !== IPPROTO_TCP) connExpireNow(ipvs, c);
  return NF_DROP;
}

function resetBoth(ipvs: NetnsIpvs, packet: Packet, c: number, pd: ProtoData, iph: IpHdr): number {
  const tcp = packet.data + iph.len;
  if ((tcpFlags(packet.view, tcp) & TCP_RST) === 0) {
    buildReset(own, pathToClient(ipvs, c), packet, tcp, ipvs.net.nextIpId());
    sendOwn(ipvs, c);
  }
  makeReset(packet, iph.family, iph.len);
  pd.pp.stateTransition(ipvs, c, DIR_INPUT, packet, pd);
  const verdict = packetXmit(ipvs, packet, c, pd.pp, iph);
  connPut(ipvs, c);
  return verdict;
}

/** Asks idle clients for a packet. To be called in the tick that was asked for last. */
export function probeIdle(ipvs: NetnsIpvs): void {
  const [ending] = ipvs.endings;
  if (ending === undefined) return;
  const { dest } = ending;
  const t = ipvs.conns;
  const end = Math.min(ending.cursor + PLACES, t.highWater);
  let probes = 0;
  while (dest.ending === 'rst' && ending.cursor < end && probes < PROBES) {
    const c = ending.cursor++;
    if (!isIdleTcp(ipvs, c, dest)) continue;
    probes++;
    buildProbe(own, pathToClient(ipvs, c), ipvs.net.random() >>> 0, ipvs.net.nextIpId());
    sendOwn(ipvs, c);
  }
  const done = dest.ending !== 'rst' || dest.totalconns === 0;
  if (!done && ending.cursor < t.highWater) {
    ipvs.net.armEnding(1);
    return;
  }
  // the next server meanwhile
  ipvs.endings.shift();
  ending.cursor = 0;
  if (!done && ++ending.round < ROUNDS) ipvs.endings.push(ending);
  if (ipvs.endings.length > 0)
    ipvs.net.armEnding(ipvs.endings[0]!.round === 0 ? 1 : ROUND_PAUSE * ipvs.net.hz);
}

function isIdleTcp(ipvs: NetnsIpvs, c: number, dest: Dest): boolean {
  const t = ipvs.conns;
  if (!t.isUsed(c) || t.protocol(c) !== IPPROTO_TCP) return false;
  const h = c << HOT_SHIFT;
  if (t.hot[h + C_DEST] !== dest.index + 1 || (t.hot[h + C_FLAGS]! & CONN_F_TEMPLATE) !== 0) return false;
  const state = t.hot[h + C_STATE]! & 0xff;
  return state !== TCP_S_CLOSE && state !== TCP_S_TIME_WAIT;
}

/** From the virtual address to the client of a connection. */
function pathToClient({ conns: t }: NetnsIpvs, c: number): TcpPath {
  const source = new Int32Array(4);
  const target = new Int32Array(4);
  t.addr(c, C_VADDR, source);
  t.addr(c, C_CADDR, target);
  const ports = t.hot[(c << HOT_SHIFT) + C_PORTS]!;
  return {
    family: t.family(c),
    source,
    target,
    sourcePort: ports & 0xffff,
    targetPort: ports >>> 16,
  };
}

/** Sends `own` to the client of a connection. */
function sendOwn({ conns: t, net: { host } }: NetnsIpvs, c: number): void {
  const words = new Int32Array(4);
  t.addr(c, C_CADDR, words);
  const route = host.route(inetFromWords(t.family(c), words));
  own.ipvsProperty = true;
  if (route !== undefined) host.transmit(own, route);
}
