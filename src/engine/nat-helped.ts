/** NAT of the TCP connections that have an application, or that connection tracking sees: few, so that they may cost more. */
import type { Packet } from '../wire/packet.js';
import { TCP_CHECKSUM, TCP_MIN, tcpAck, tcpSequence } from '../wire/tcp.js';
import { type AppConn, leaveChecksum } from './app.js';
import { C_FLAGS, HOT_SHIFT } from './conn-table.js';
import { trackedChecksumOk, trackOf } from './conntrack.js';
import type { Conntrack } from './ct-table.js';
import { CONN_F_IN_SEQ, CONN_F_NFCT, CONN_F_OUT_SEQ, CONN_F_SEQ_MASK } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { natTransport } from './nat-checksum.js';
import type { NetnsIpvs } from './netns-ipvs.js';

/**
 * Rewrites a segment; false drops it. Its header is there.
 * @param reply from the real server.
 */
export function natHelped(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr, reply: boolean): boolean {
  const tracked = (ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_NFCT) !== 0;
  const ct = tracked ? trackOf(ipvs, packet, iph) : null;
  const conn = ipvs.appConns.get(c);
  if (conn !== undefined) {
    if (!trackedChecksumOk(ipvs, packet, iph)) return false;
    if (!appPacket(ipvs, packet, c, iph, reply, conn, ct)) return false;
  }
  const at = packet.data + iph.len;
  natTransport(ipvs.conns, packet, c, iph, reply, reply ? at : at + 2, at + TCP_CHECKSUM, false);
  return true;
}

/**
 * Shows a datagram of a protocol without sequence numbers to its connection's application; false drops it.
 * @param csumCheck of its protocol. @param reply from the real server.
 */
export function showDatagram(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  iph: IpHdr,
  reply: boolean,
  csumCheck: (packet: Packet, iph: IpHdr) => boolean,
): boolean {
  const conn = ipvs.appConns.get(c);
  if (conn === undefined) return true;
  if (!csumCheck(packet, iph)) return false;
  const { app } = conn.inc;
  const show = reply ? app.pktOut : app.pktIn;
  return show === undefined || show.call(app, { ipvs, packet, iph, c, conn, ct: null });
}

/** Shows a segment to its application (`app_tcp_pkt_in`, `app_tcp_pkt_out`). */
function appPacket(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  iph: IpHdr,
  reply: boolean,
  conn: AppConn,
  ct: Conntrack | null,
): boolean {
  const h = (c << HOT_SHIFT) + C_FLAGS;
  const { hot } = ipvs.conns;
  const { app } = conn.inc;
  const at = app.conntrack ? ihl(packet) : iph.len;
  if (packet.len < at + TCP_MIN) return false;
  const seq = tcpSequence(packet.view, packet.data + at);
  if ((hot[h]! & CONN_F_SEQ_MASK) !== 0) {
    fixNumbers(packet.view, packet.data + at, hot[h]!, reply, conn);
    if (!app.conntrack) leaveChecksum(packet, iph, TCP_CHECKSUM);
  }
  const show = reply ? app.pktOut : app.pktIn;
  if (show === undefined) return true;
  conn.diff = 0;
  if (!show.call(app, { ipvs, packet, iph, c, conn, ct })) return false;
  if (conn.diff === 0) return true;
  const flag = reply ? CONN_F_OUT_SEQ : CONN_F_IN_SEQ;
  (reply ? conn.outSeq : conn.inSeq).update((hot[h]! & flag) === 0, seq, conn.diff);
  hot[h] = hot[h]! | flag;
  return true;
}

/**
 * Where the kernel looks for a segment's numbers: where IPv4's header length says, in IPv6 too (`ip_hdrlen`). There it is the traffic
 * class that says so, and what is changed is mostly the header itself. It does so for FTP alone, and only by numbers that another
 * director has told: its own are connection tracking's. The checksum it leaves as it was.
 */
function ihl(packet: Packet): number {
  return (packet.view.getUint8(packet.data) & 15) << 2;
}

/** Numbers behind payload that IPVS itself has seen change its length (`vs_fix_seq`, `vs_fix_ack_seq`); no flag is looked at. */
function fixNumbers(v: DataView, tcp: number, flags: number, reply: boolean, conn: AppConn): void {
  const [sent, acked] = reply ? [conn.outSeq, conn.inSeq] : [conn.inSeq, conn.outSeq];
  const [sentFlag, ackedFlag] = reply ? [CONN_F_OUT_SEQ, CONN_F_IN_SEQ] : [CONN_F_IN_SEQ, CONN_F_OUT_SEQ];
  if ((flags & sentFlag) !== 0) v.setUint32(tcp + 4, sent.fix(tcpSequence(v, tcp)));
  if ((flags & ackedFlag) !== 0) v.setUint32(tcp + 8, acked.fixAck(tcpAck(v, tcp)));
}
