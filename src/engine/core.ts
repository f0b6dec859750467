/** The hooks (`ip_vs_core.c`): what happens to a packet from when netfilter hands it over to its verdict. */
import {
  ICMP_DEST_UNREACH,
  ICMP_PORT_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PORT_UNREACH,
} from '../wire/icmp.js';
import { AF_INET } from '../wire/inet.js';
import { IPV4_MIN } from '../wire/ipv4.js';
import type { Packet } from '../wire/packet.js';
import { SCTP_CHUNK_HEADER, SCTP_CID_ABORT, SCTP_CID_INIT, SCTP_HEADER } from '../wire/sctp.js';
import { TCP_MIN, TCP_RST, TCP_SYN, tcpFlags } from '../wire/tcp.js';
import { UDP_HEADER } from '../wire/udp.js';
import { clampMss } from './clamp-mss.js';
import { connExpireNow, connPut, destOf } from './conn.js';
import {
  C_CONTROL,
  C_FLAGS,
  C_INPKTS,
  C_NCONTROL,
  C_STATE,
  C_VADDR,
  HOT_SHIFT,
  NO_CONN,
} from './conn-table.js';
import {
  beginTrack,
  conntrackOn,
  endTrack,
  isTracked,
  keepConntrack,
  passTracked,
  settleTrack,
  usesOldConntrack,
} from './conntrack.js';
import { DEBUG_CHANGED, DEBUG_PACKET, DEBUG_STATE, debugPacket, debugState } from './debug.js';
import { endConn } from './ending.js';
import { LONG_WAY } from './established.js';
import { established4 } from './established4.js';
import { established6 } from './established6.js';
import { fillIphdr } from './fill-iphdr.js';
import {
  CONN_F_CARRIED,
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_NOOUTPUT,
  CONN_F_ONE_PACKET,
  DEST_F_AVAILABLE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from './flags.js';
import { inIcmp } from './icmp-in.js';
import { outIcmp } from './icmp-out.js';
import type { IpHdr } from './iphdr.js';
import { hasPorts } from './nat-icmp.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { hasWayOut, sendCheck } from './out-route.js';
import { connOut } from './persist.js';
import { reusesPort } from './port-reuse.js';
import { readPorts } from './proto-ports.js';
import { DIR_INPUT, DIR_OUTPUT, type ProtoData, SCHEDULE_GO_ON } from './protocol.js';
import { SCTP_S_CLOSED } from './sctp-states.js';
import { SYNC_STATE_BACKUP, SYNC_STATE_MASTER } from './sync/daemon.js';
import { syncConn } from './sync/master.js';
import { TCP_S_CLOSE, TCP_S_FIN_WAIT, TCP_S_TIME_WAIT } from './tcp-states.js';
import { inStats, outStats } from './traffic.js';
import { NF_ACCEPT, NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_STOLEN } from './verdict.js';
import { packetXmit } from './xmit.js';

/** Not an ICMP error about anything of ours: the packet is looked at as any other. */
export const NOT_RELATED = -1;

/** An IPv4 datagram without data. */
const SHORTEST = IPV4_MIN + UDP_HEADER;
/** Version 4, five words of header. */
const PLAIN_IPV4 = 0x45;

/**
 * Runs the hooks of one point of a packet's way, in the kernel's order.
 * @param hook `NF_INET_LOCAL_IN`, `NF_INET_FORWARD` or `NF_INET_LOCAL_OUT`.
 */
export function receive(ipvs: NetnsIpvs, packet: Packet, hook: number): number {
  if (packet.ipvsProperty) return NF_ACCEPT;
  ipvs.unknown = false;
  if (ipvs.shortWay) {
    const verdict = shortWay(ipvs, packet, hook);
    if (verdict !== LONG_WAY) return verdict;
  }
  const iph = ipvs.iph;
  if (!fillIphdr(packet, iph) || !ipvs.hooked(iph.family)) return NF_ACCEPT;
  ipvs.hook = hook;
  ipvs.lookedUp = false;
  if (ipvs.trackDepth === 0 && !conntrackOn(ipvs, iph.family)) return runHooks(ipvs, packet, iph);
  beginTrack(ipvs, packet, iph);
  let verdict = runHooks(ipvs, packet, iph);
  if (verdict === NF_ACCEPT && !passTracked(ipvs, packet, iph)) verdict = NF_DROP;
  endTrack(ipvs);
  return verdict;
}

/** IPVS's own hooks. */
function runHooks(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const { hook } = ipvs;
  const icmp = iph.protocol === (iph.family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  if (icmp) return receiveIcmp(ipvs, packet, iph);
  const pd = ipvs.protoData[iph.protocol];
  if (pd === undefined) {
    // only the packet inside a tunnel that ends here can bring it back
    if (hook !== NF_INET_FORWARD && ipvs.sysctls.values.ignore_tunneled !== 0) packet.ipvsProperty = true;
    return NF_ACCEPT;
  }
  const verdict = outHook(ipvs, packet, pd, iph);
  if (hook === NF_INET_FORWARD || verdict !== NF_ACCEPT || packet.ipvsProperty) return verdict;
  return backupOnly(ipvs) ? NF_ACCEPT : inHook(ipvs, packet, pd, iph);
}

/** Ordinary packets of connections. @returns the verdict, or `LONG_WAY`. */
function shortWay(ipvs: NetnsIpvs, packet: Packet, hook: number): number {
  if (packet.len < SHORTEST || (!ipvs.conntracks.empty && isTracked(ipvs, packet))) return LONG_WAY;
  const first = packet.view.getUint8(packet.data);
  if (first === PLAIN_IPV4) return established4(ipvs, packet, hook);
  return first >>> 4 === 6 ? established6(ipvs, packet, hook) : LONG_WAY;
}

/** A director that only backs another one up leaves packets alone. */
function backupOnly(ipvs: NetnsIpvs): boolean {
  return ipvs.sysctls.values.backup_only !== 0 && (ipvs.syncState & SYNC_STATE_BACKUP) !== 0;
}

function receiveIcmp(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const only = backupOnly(ipvs);
  if (ipvs.hook === NF_INET_FORWARD) {
    const verdict = only ? NOT_RELATED : inIcmp(ipvs, packet, iph);
    if (verdict !== NOT_RELATED && (verdict !== NF_ACCEPT || packet.ipvsProperty)) return verdict;
    const passed = outIcmp(ipvs, packet, iph);
    return passed === NOT_RELATED ? NF_ACCEPT : passed;
  }
  const passed = outIcmp(ipvs, packet, iph);
  if (passed !== NOT_RELATED && (passed !== NF_ACCEPT || packet.ipvsProperty)) return passed;
  if (only) return NF_ACCEPT;
  const verdict = inIcmp(ipvs, packet, iph);
  if (verdict !== NOT_RELATED) return verdict;
  // ICMP itself is no protocol that can be balanced
  if (ipvs.sysctls.values.ignore_tunneled !== 0) packet.ipvsProperty = true;
  return NF_ACCEPT;
}

/** A client's packet (`ip_vs_in_hook`). */
function inHook(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number {
  const hot = ipvs.conns.hot;
  const pp = pd.pp;
  if (ipvs.debugLevel >= DEBUG_PACKET) debugPacket(ipvs, pp, packet, iph, 'Incoming packet');
  let c = pp.connInGet(ipvs, packet, iph);
  if (c !== NO_CONN && iph.fragoffs === 0 && isNewConn(packet, iph) && mayReuse(ipvs, c)) {
    const controls = hot[(c << HOT_SHIFT) + C_NCONTROL] !== 0;
    const old = usesOldConntrack(ipvs, c);
    if (!old || !controls || isQuiesced(ipvs, c)) {
      if (!old) keepConntrack(ipvs, c);
      // a controlling connection stays until those that it controls are gone
      if (!controls) connExpireNow(ipvs, c);
      // tracking must forget the old connection first: the client will try again
      if (old) return NF_DROP;
      c = NO_CONN;
    }
  }
  if (c !== NO_CONN) {
    const dest = destOf(ipvs, c);
    if (dest !== null && (dest.flags & DEST_F_AVAILABLE) === 0) {
      if (dest.ending !== 'none' && (iph.fragoffs !== 0 || !isNewConn(packet, iph)))
        return endConn(ipvs, packet, c, dest.ending, pd, iph);
      if (ipvs.sysctls.values.expire_nodest_conn === 0 && dest.ending === 'none') return NF_DROP;
      const old = usesOldConntrack(ipvs, c);
      if (!old) keepConntrack(ipvs, c);
      connExpireNow(ipvs, c);
      if (old) return NF_DROP;
      c = NO_CONN;
    }
  }
  if (c === NO_CONN) {
    if (iph.fragoffs !== 0) return NF_ACCEPT;
    const verdict = pp.connSchedule(ipvs, packet, pd, iph);
    if (verdict !== SCHEDULE_GO_ON) return verdict;
    c = ipvs.scheduled;
    if (c === NO_CONN) return NF_ACCEPT;
  }
  const h = c << HOT_SHIFT;
  inStats(ipvs, c, packet.len);
  stateTransition(ipvs, c, DIR_INPUT, packet, pd);
  const verdict = packetXmit(ipvs, packet, c, pp, iph);
  const onePacket = (hot[h + C_FLAGS]! & CONN_F_ONE_PACKET) !== 0;
  const master = (ipvs.syncState & SYNC_STATE_MASTER) !== 0;
  // what it tells of depends on the number of each packet: those that were carried are added
  if (master && (hot[h + C_FLAGS]! & CONN_F_CARRIED) !== 0) ipvs.fastPath!.withdraw(c);
  if (!onePacket) hot[h + C_INPKTS]!++;
  if (master) {
    syncConn(ipvs, c, onePacket ? ipvs.sysctls.values.sync_threshold : hot[h + C_INPKTS]!);
  } else if (onePacket && hot[h + C_CONTROL] !== 0) {
    hot[((hot[h + C_CONTROL]! - 1) << HOT_SHIFT) + C_INPKTS]!++;
  }
  ipvs.fastPath?.used(c);
  connPut(ipvs, c);
  return verdict;
}

/** The packet begins a connection (`is_new_conn`). */
function isNewConn(packet: Packet, iph: IpHdr): boolean {
  const at = packet.data + iph.len;
  if (iph.protocol === IPPROTO_TCP) {
    return iph.len + TCP_MIN <= packet.len && (tcpFlags(packet.view, at) & TCP_SYN) !== 0;
  }
  if (iph.protocol !== IPPROTO_SCTP || iph.len + SCTP_HEADER + SCTP_CHUNK_HEADER > packet.len) return false;
  return packet.view.getUint8(at + SCTP_HEADER) === SCTP_CID_INIT;
}

/** Connections to dests without weight are to end. */
function isQuiesced(ipvs: NetnsIpvs, c: number): boolean {
  return ipvs.sysctls.values.expire_nodest_conn !== 0 && destOf(ipvs, c)?.weight === 0;
}

/** Moves a connection on, and shows how where that is wanted. */
function stateTransition(ipvs: NetnsIpvs, c: number, direction: number, packet: Packet, pd: ProtoData): void {
  const old = ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
  pd.pp.stateTransition(ipvs, c, direction, packet, pd);
  if (ipvs.debugLevel >= DEBUG_STATE) debugState(ipvs, pd, c, direction, packet, old);
}

/** A packet that begins a connection finds this one: it is to be scheduled anew (`is_new_conn_expected`). */
function mayReuse(ipvs: NetnsIpvs, c: number): boolean {
  const values = ipvs.sysctls.values;
  if (isQuiesced(ipvs, c)) return true;
  if (ipvs.portReusers > 0 && reusesPort(ipvs, c)) return true;
  if (values.conn_reuse_mode === 0) return false;
  const hot = ipvs.conns.hot;
  const h = c << HOT_SHIFT;
  // what FTP or persistence has put there is theirs
  if (hot[h + C_CONTROL] !== 0) return false;
  const state = hot[h + C_STATE]! & 0xff;
  const protocol = ipvs.conns.protocol(c);
  if (protocol === IPPROTO_SCTP) return state === SCTP_S_CLOSED;
  if (protocol !== IPPROTO_TCP) return false;
  return (
    state === TCP_S_TIME_WAIT ||
    state === TCP_S_CLOSE ||
    ((values.conn_reuse_mode & 2) !== 0 &&
      state === TCP_S_FIN_WAIT &&
      (hot[h + C_FLAGS]! & CONN_F_NOOUTPUT) !== 0)
  );
}

/** A real server's packet (`ip_vs_out_hook`). */
function outHook(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number {
  const c = pd.pp.connOutGet(ipvs, packet, iph);
  if (c !== NO_CONN) return handleResponse(ipvs, packet, pd, c, iph);
  if (ipvs.connOutCounter > 0 && iph.protocol === IPPROTO_UDP && ipvs.hook !== NF_INET_LOCAL_IN) {
    const opened = openFromServer(ipvs, packet, iph);
    if (opened !== NO_CONN) return handleResponse(ipvs, packet, pd, opened, iph);
  }
  if (ipvs.sysctls.values.nat_icmp_send === 0 || !hasPorts(iph.protocol)) return NF_ACCEPT;
  return answerOrphan(ipvs, packet, iph);
}

function handleResponse(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, c: number, iph: IpHdr): number {
  const t = ipvs.conns;
  if (ipvs.debugLevel >= DEBUG_PACKET) debugPacket(ipvs, pd.pp, packet, iph, 'Outgoing packet');
  if ((t.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_FWD_MASK) === CONN_F_MASQ) {
    if (!pd.pp.snatHandler(ipvs, packet, c, iph)) {
      connPut(ipvs, c);
      return NF_STOLEN;
    }
    const v = packet.view;
    if (iph.family === AF_INET) {
      v.setInt32(packet.data + 12, t.addrWord(c, C_VADDR, 0));
      sendCheck(packet);
    } else {
      for (let i = 0; i < 4; i++) v.setInt32(packet.data + 8 + 4 * i, t.addrWord(c, C_VADDR, i));
    }
  }
  if (ipvs.mssClampers > 0) clampMss(ipvs, packet, c, iph);
  if (!hasWayOut(ipvs, packet)) {
    connPut(ipvs, c);
    return NF_STOLEN;
  }
  outStats(ipvs, c, packet.len);
  stateTransition(ipvs, c, DIR_OUTPUT, packet, pd);
  if (ipvs.debugLevel >= DEBUG_CHANGED) debugPacket(ipvs, pd.pp, packet, iph, 'After SNAT');
  packet.ipvsProperty = true;
  ipvs.fastPath?.used(c);
  settleTrack(ipvs, c, true);
  connPut(ipvs, c);
  return NF_ACCEPT;
}

/** A real server opens a connection by itself, where its service's persistence engine provides for that. */
function openFromServer(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const ports = readPorts(packet, iph);
  if (ports < 0) return NO_CONN;
  const dest = ipvs.realServers.findReal(iph.family, iph.protocol, iph.saddr, ports >>> 16);
  if (dest === undefined || dest.svc === null || dest.vfwmark !== 0 || !dest.svc.pe?.connOut) return NO_CONN;
  // neither a service for all ports nor a server without one says what the packet should look like
  if (dest.svc.port === 0 || dest.port === 0) return NO_CONN;
  return connOut(ipvs, dest.svc, dest, packet, iph, ports);
}

/** Tells a real server that nobody knows of its connection, with `nat_icmp_send`. */
function answerOrphan(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): number {
  const ports = readPorts(packet, iph);
  if (ports < 0) return NF_ACCEPT;
  if (ipvs.realServers.findReal(iph.family, iph.protocol, iph.saddr, ports >>> 16) === undefined)
    return NF_ACCEPT;
  if (isReset(packet, iph)) return NF_ACCEPT;
  if (iph.family === AF_INET) ipvs.net.host.icmpSend(packet, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  else ipvs.net.host.icmpSend(packet, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  return NF_DROP;
}

/** A packet that ends a connection by force is not answered. One too short to tell is. */
function isReset(packet: Packet, iph: IpHdr): boolean {
  const at = packet.data + iph.len;
  if (iph.protocol === IPPROTO_TCP) {
    return iph.len + TCP_MIN <= packet.len && (tcpFlags(packet.view, at) & TCP_RST) !== 0;
  }
  if (iph.protocol !== IPPROTO_SCTP) return false;
  return (
    iph.len + SCTP_HEADER + SCTP_CHUNK_HEADER <= packet.len &&
    packet.view.getUint8(at + SCTP_HEADER) === SCTP_CID_ABORT
  );
}
