/** SCTP (`ip_vs_proto_sctp.c`). Its checksum has no pseudo header: only a changed port makes a new one necessary. */
import { AF_INET } from '../wire/inet.js';
import { ipv4HeaderLength } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import { CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import {
  SCTP_CHUNK_HEADER,
  SCTP_CID_ABORT,
  SCTP_CID_COOKIE_ACK,
  SCTP_CID_COOKIE_ECHO,
  SCTP_CID_INIT,
  SCTP_HEADER,
  sctpChecksum,
  sctpComputeChecksum,
  sctpSetChecksum,
} from '../wire/sctp.js';
import { bindPortApp, registerPortApp, unregisterPortApp } from './app.js';
import { connSetTimeout, controlAssureCt, destOf } from './conn.js';
import { C_FLAGS, C_STATE, HOT_SHIFT } from './conn-table.js';
import { portsText } from './debug.js';
import { CONN_F_APP, CONN_F_CARRIED, CONN_F_INACTIVE, CONN_F_NOOUTPUT, IPPROTO_SCTP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { showDatagram } from './nat-helped.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { connInGetProto, connOutGetProto } from './proto-ports.js';
import { DIR_OUTPUT, type Protocol, type ProtoData } from './protocol.js';
import { scheduleWithPorts } from './schedule.js';
import {
  SCTP_DIRECTION,
  SCTP_EV_ABORT,
  SCTP_EVENTS,
  SCTP_ROW,
  SCTP_S_ESTABLISHED,
  SCTP_STATES,
  SCTP_TABLE,
  SCTP_TIMEOUTS,
} from './sctp-states.js';
import { stateTimeout } from './state-timeouts.js';
import { DIR_INPUT_ONLY } from './tcp-states.js';
import { NF_DROP } from './verdict.js';

/** Moves a connection by the chunks at `chunk` (`set_sctp_state`). */
function setSctpState(
  ipvs: NetnsIpvs,
  pd: ProtoData,
  c: number,
  direction: number,
  packet: Packet,
  chunk: number,
): void {
  const v = packet.view;
  const end = packet.data + packet.len;
  if (chunk + SCTP_CHUNK_HEADER > end) return;
  const type = v.getUint8(chunk);
  let event = SCTP_EVENTS[type]!;
  // a cookie may have an ABORT bundled behind it
  if (type === SCTP_CID_COOKIE_ECHO || type === SCTP_CID_COOKIE_ACK) {
    const length = v.getUint16(chunk + 2);
    const next = chunk + ((length + 3) & ~3);
    if (
      length >= SCTP_CHUNK_HEADER &&
      next + SCTP_CHUNK_HEADER <= end &&
      v.getUint8(next) === SCTP_CID_ABORT
    ) {
      event = SCTP_EV_ABORT;
    }
  }
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  let flags = hot[h + C_FLAGS]!;
  let table = direction;
  if ((flags & CONN_F_NOOUTPUT) !== 0) {
    if (direction === DIR_OUTPUT) {
      flags &= ~CONN_F_NOOUTPUT;
      hot[h + C_FLAGS] = flags;
    } else {
      table = DIR_INPUT_ONLY;
    }
  }
  const word = hot[h + C_STATE]!;
  const old = word & 0xff;
  const state = pd.stateTable[table * SCTP_DIRECTION + event * SCTP_ROW + old]!;
  if (state !== old) {
    const active = state === SCTP_S_ESTABLISHED;
    const dest = active === ((flags & CONN_F_INACTIVE) !== 0) ? destOf(ipvs, c) : null;
    if (dest !== null) {
      dest.activeconns += active ? 1 : -1;
      hot[h + C_FLAGS] = flags ^ CONN_F_INACTIVE;
    }
    if (active) controlAssureCt(ipvs, c);
    hot[h + C_STATE] = (word & ~0xff) | state;
    // before the packet goes on: the answer to it must be seen
    if ((flags & CONN_F_CARRIED) !== 0) ipvs.fastPath!.withdraw(c);
  }
  connSetTimeout(ipvs, c, stateTimeout(ipvs, pd, c, state));
}

function checksumOk(packet: Packet, at: number, length: number): boolean {
  if (packet.ipSummed === CHECKSUM_UNNECESSARY || packet.ipSummed === CHECKSUM_PARTIAL) return true;
  return sctpChecksum(packet.view, at) === sctpComputeChecksum(packet.view, at, length);
}

/** Rewrites a port; the checksum is made anew only when something it covers has changed. */
function rewritePort(packet: Packet, iph: IpHdr, offset: number, port: number): boolean {
  if (iph.fragoffs !== 0) return true;
  const length = packet.len - iph.len;
  if (length < SCTP_HEADER) return false;
  packet.pull(iph.len + SCTP_HEADER);
  const v = packet.view;
  const at = packet.data + iph.len;
  if (v.getUint16(at + offset) === port && packet.ipSummed !== CHECKSUM_PARTIAL) return true;
  v.setUint16(at + offset, port);
  sctpSetChecksum(v, at, length);
  packet.ipSummed = CHECKSUM_UNNECESSARY;
  return true;
}

/** SCTP. `stateTable` is that of sctp-states.ts. */
export const protocolSctp: Protocol = {
  name: 'SCTP',
  protocol: IPPROTO_SCTP,
  numStates: SCTP_STATES.length,
  dontDefrag: false,

  initNetns(ipvs: NetnsIpvs, pd: ProtoData): void {
    pd.timeoutTable = Int32Array.from(SCTP_TIMEOUTS, (s) => s * ipvs.net.hz);
    pd.stateTable = SCTP_TABLE;
  },

  connSchedule(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number {
    if (iph.len + (iph.icmp ? 4 : SCTP_HEADER) > packet.len) return NF_DROP;
    let opens = true;
    if (!iph.icmp) {
      const chunk = iph.len + SCTP_HEADER;
      if (chunk + SCTP_CHUNK_HEADER > packet.len) return NF_DROP;
      const type = packet.view.getUint8(packet.data + chunk);
      opens = type === SCTP_CID_INIT || (ipvs.sysctls.values.sloppy_sctp !== 0 && type !== SCTP_CID_ABORT);
    }
    return scheduleWithPorts(ipvs, packet, pd, iph, opens);
  },

  connInGet: connInGetProto,
  connOutGet: connOutGetProto,

  snatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_APP) !== 0 && iph.fragoffs === 0) {
      if (!showDatagram(ipvs, packet, c, iph, true, protocolSctp.csumCheck)) return false;
    }
    return rewritePort(packet, iph, 0, ipvs.conns.vport(c));
  },

  dnatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_APP) !== 0 && iph.fragoffs === 0) {
      if (!showDatagram(ipvs, packet, c, iph, false, protocolSctp.csumCheck)) return false;
    }
    return rewritePort(packet, iph, 2, ipvs.conns.dport(c));
  },

  csumCheck(packet: Packet, iph: IpHdr): boolean {
    const length = packet.len - iph.len;
    return length >= SCTP_HEADER && checksumOk(packet, packet.data + iph.len, length);
  },

  stateName(state: number): string {
    return SCTP_STATES[state] ?? '?';
  },

  debugPacket: portsText,

  stateTransition(ipvs: NetnsIpvs, c: number, direction: number, packet: Packet, pd: ProtoData): void {
    // the kernel looks right behind the fixed IPv6 header here, whatever extension headers there are
    const at = ipvs.iph.family === AF_INET ? ipv4HeaderLength(packet.view, packet.data) : IPV6_HEADER;
    setSctpState(ipvs, pd, c, direction, packet, packet.data + at + SCTP_HEADER);
  },

  registerApp: registerPortApp,
  unregisterApp: unregisterPortApp,
  appConnBind: bindPortApp,

  timeoutChange(): void {},
};
