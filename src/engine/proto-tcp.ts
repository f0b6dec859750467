/** TCP (`ip_vs_proto_tcp.c`). */

import { AF_INET } from '../wire/inet.js';
import { ipv4HeaderLength } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import { bindPortApp, registerPortApp, unregisterPortApp } from './app.js';
import { connSetTimeout, controlAssureCt, destOf } from './conn.js';
import * as layout from './conn-layout.js';
import { portsText } from './debug.js';
import * as flags from './flags.js';
import type { IpHdr } from './iphdr.js';
import { natTransport, transportChecksumOk } from './nat-checksum.js';
import { natHelped } from './nat-helped.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { connInGetProto, connOutGetProto } from './proto-ports.js';
import type { Protocol, ProtoData } from './protocol.js';
import * as directions from './protocol.js';
import { scheduleWithPorts } from './schedule.js';
import { stateTimeout } from './state-timeouts.js';
import * as states from './tcp-states.js';
import { NF_DROP } from './verdict.js';

// see conn-layout.ts
const { C_FLAGS, C_STATE, HOT_SHIFT } = layout;
const { CONN_F_APP, CONN_F_CARRIED, CONN_F_INACTIVE, CONN_F_NFCT, CONN_F_NOOUTPUT, IPPROTO_TCP } = flags;
const { DIR_INPUT, DIR_OUTPUT } = directions;
const { TCP_ACK, TCP_CHECKSUM, TCP_FIN, TCP_MIN, TCP_RST, TCP_SYN, tcpFlags } = tcp;
const {
  DIR_INPUT_ONLY,
  TCP_ACK_MOVES,
  TCP_ACTIVE,
  TCP_DIRECTION,
  TCP_EV_ACK,
  TCP_EV_FIN,
  TCP_EV_RST,
  TCP_EV_SYN,
  TCP_NORMAL_TABLE,
  TCP_ROW,
  TCP_S_CLOSE,
  TCP_S_ESTABLISHED,
  TCP_S_LISTEN,
  TCP_S_SYN_RECV,
  TCP_SECURE_TABLE,
  TCP_STATES,
  TCP_TIMEOUTS,
} = states;

/** Event of a segment, or -1 when it carries none of the four flags. The first of RST, SYN, FIN, ACK counts. */
function tcpEvent(flags: number): number {
  if ((flags & TCP_RST) !== 0) return TCP_EV_RST;
  if ((flags & TCP_SYN) !== 0) return TCP_EV_SYN;
  if ((flags & TCP_FIN) !== 0) return TCP_EV_FIN;
  if ((flags & TCP_ACK) !== 0) return TCP_EV_ACK;
  return -1;
}

/** Connections whose segments an application or connection tracking has to see. */
const CONN_F_HELPED = CONN_F_APP | CONN_F_NFCT;

/** A data connection waits for whoever is to open it (`ip_vs_tcp_conn_listen`). */
export function tcpConnListen(ipvs: NetnsIpvs, c: number): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  hot[h + C_STATE] = (hot[h + C_STATE]! & ~0xff) | TCP_S_LISTEN;
  connSetTimeout(ipvs, c, ipvs.protoData[IPPROTO_TCP]!.timeoutTable[TCP_S_LISTEN]!);
}

/** Moves a connection by a segment with these flags (`set_tcp_state`). */
export function setTcpState(
  ipvs: NetnsIpvs,
  pd: ProtoData,
  c: number,
  direction: number,
  flags: number,
): void {
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  let connFlags = hot[h + C_FLAGS]!;
  let table = direction;
  if ((connFlags & CONN_F_NOOUTPUT) !== 0) {
    if (direction === DIR_OUTPUT) {
      connFlags &= ~CONN_F_NOOUTPUT;
      hot[h + C_FLAGS] = connFlags;
    } else {
      table = DIR_INPUT_ONLY;
    }
  }
  const word = hot[h + C_STATE]!;
  const old = word & 0xff;
  const event = tcpEvent(flags);
  const state = event < 0 ? TCP_S_CLOSE : pd.stateTable[table * TCP_DIRECTION + event * TCP_ROW + old]!;
  if (old === TCP_S_SYN_RECV) countAnswer(ipvs, c, direction, event, state);
  if (state !== old) {
    const active = ((TCP_ACTIVE >> state) & 1) !== 0;
    const inactive = (connFlags & CONN_F_INACTIVE) !== 0;
    const dest = active === inactive ? destOf(ipvs, c) : null;
    if (dest !== null) {
      dest.activeconns += active ? 1 : -1;
      hot[h + C_FLAGS] = connFlags ^ CONN_F_INACTIVE;
    }
    if (state === TCP_S_ESTABLISHED) controlAssureCt(ipvs, c);
    hot[h + C_STATE] = (word & ~0xff) | state;
    // from here on acknowledgements count, and the fast path is to tell of them
    if ((connFlags & CONN_F_CARRIED) !== 0 && ((TCP_ACK_MOVES >> state) & 1) !== 0)
      ipvs.fastPath!.withdraw(c);
  }
  connSetTimeout(
    ipvs,
    c,
    ipvs.ownTimeouts === 0 ? pd.timeoutTable[state]! : stateTimeout(ipvs, pd, c, state),
  );
}

/** A connection that its server has not answered yet has had a segment: what becomes of it says how the server is. */
function countAnswer(ipvs: NetnsIpvs, c: number, direction: number, event: number, state: number): void {
  const dest = destOf(ipvs, c);
  if (dest === null) return;
  if (state === TCP_S_ESTABLISHED) dest.answered++;
  else if (direction === DIR_OUTPUT ? event === TCP_EV_RST : event === TCP_EV_SYN && direction === DIR_INPUT)
    dest.unanswered++;
}

/** TCP. `stateTable` is one of the two of tcp-states.ts. */
export const protocolTcp: Protocol = {
  name: 'TCP',
  protocol: IPPROTO_TCP,
  numStates: TCP_STATES.length,
  dontDefrag: false,

  initNetns(ipvs: NetnsIpvs, pd: ProtoData): void {
    pd.timeoutTable = Int32Array.from(TCP_TIMEOUTS, (s) => s * ipvs.net.hz);
    pd.stateTable = TCP_NORMAL_TABLE;
  },

  connSchedule(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number {
    // of the header inside an ICMP error only the ports need to be there
    if (iph.len + (iph.icmp ? 4 : TCP_MIN) > packet.len) return NF_DROP;
    let opens = true;
    if (!iph.icmp) {
      const flags = tcpFlags(packet.view, packet.data + iph.len);
      opens = (flags & TCP_RST) === 0 && ((flags & TCP_SYN) !== 0 || ipvs.sysctls.values.sloppy_tcp !== 0);
    }
    return scheduleWithPorts(ipvs, packet, pd, iph, opens);
  },

  connInGet: connInGetProto,
  connOutGet: connOutGetProto,

  snatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if (iph.fragoffs !== 0) return true;
    if (iph.len + TCP_MIN > packet.len) return false;
    packet.pull(iph.len + TCP_MIN);
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_HELPED) !== 0)
      return natHelped(ipvs, packet, c, iph, true);
    const at = packet.data + iph.len;
    natTransport(ipvs.conns, packet, c, iph, true, at, at + TCP_CHECKSUM, false);
    return true;
  },

  dnatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if (iph.fragoffs !== 0) return true;
    if (iph.len + TCP_MIN > packet.len) return false;
    packet.pull(iph.len + TCP_MIN);
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_HELPED) !== 0)
      return natHelped(ipvs, packet, c, iph, false);
    const at = packet.data + iph.len;
    natTransport(ipvs.conns, packet, c, iph, false, at + 2, at + TCP_CHECKSUM, false);
    return true;
  },

  csumCheck: transportChecksumOk,

  stateName(state: number): string {
    return TCP_STATES[state] ?? 'ERR!';
  },

  debugPacket: portsText,

  stateTransition(ipvs: NetnsIpvs, c: number, direction: number, packet: Packet, pd: ProtoData): void {
    // the kernel looks right behind the fixed IPv6 header here, whatever extension headers there are
    const at = ipvs.iph.family === AF_INET ? ipv4HeaderLength(packet.view, packet.data) : IPV6_HEADER;
    if (at + TCP_MIN > packet.len) return;
    setTcpState(ipvs, pd, c, direction, tcpFlags(packet.view, packet.data + at));
  },

  registerApp: registerPortApp,
  unregisterApp: unregisterPortApp,
  appConnBind: bindPortApp,

  timeoutChange(pd: ProtoData, secure: boolean): void {
    pd.stateTable = secure ? TCP_SECURE_TABLE : TCP_NORMAL_TABLE;
  },
};
