/**
 * What the kernel's connection tracking does to packets (`nf_conntrack_core.c`, `ip_vs_nfct.c`, `nf_conntrack_seqadj.c`), TCP alone.
 * IPVS changes FTP's text through it, so it is at work in a namespace as soon as a service on port 21 has a server behind NAT, and only then.
 * A service on another of FTP's ports has it too: there the kernel relies on a firewall to have brought it in.
 * From then on it sees all packets of the family: those of IPVS without `CONN_F_NFCT` leave it, others may stand in each other's way.
 */
import { checksum, checksumUpdate, delta32, pseudoSum6 } from '../wire/checksum.js';
import { AF_INET, AF_INET6, type Family } from '../wire/inet.js';
import { IPV4_MIN } from '../wire/ipv4.js';
import { IPV6_HEADER, IPV6_SOURCE } from '../wire/ipv6.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import { TCP_ACK, TCP_CHECKSUM, TCP_MIN, tcpAck, tcpFlags, tcpSequence } from '../wire/tcp.js';
import { SACK_BLOCK, TCPOPT_SACK, tcpOptions } from '../wire/tcp-options.js';
import { C_CADDR, C_DADDR, C_FLAGS, C_VADDR, HOT_SHIFT } from './conn-table.js';
import { Conntrack, CT_ORIGINAL, CT_REPLY } from './ct-table.js';
import { CT_AGAIN, CT_INVALID, CT_LAST, ctOpens, ctSane, ctWhole, TcpTrack } from './ct-tcp.js';
import { CONN_F_APP, CONN_F_FWD_MASK, CONN_F_MASQ, CONN_F_NFCT, IPPROTO_TCP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { transportChecksumOk } from './nat-checksum.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { SeqAdj } from './seq.js';
import type { Service } from './service.js';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from './verdict.js';

/** Nothing was found for the packet: it may begin a connection. That is only done when somebody asks for it. */
const UNBORN = 0;
/** It belongs to `ct`. */
const TRACKED = 1;
/** It belongs to nothing. */
const INVALID = 2;
/** Tracking is to leave it alone (`IP_CT_UNTRACKED`). */
const UNTRACKED = 3;

/** What tracking makes of a packet in work (`skb->_nfct`). */
export class PacketTrack {
  state = UNTRACKED;
  ct: Conntrack | null = null;
  direction = CT_ORIGINAL;
}

/** Tracking begins for the family of an FTP service (`ip_vs_register_conntrack`). */
export function registerConntrack(ipvs: NetnsIpvs, svc: Service): void {
  if (svc.conntrack) return;
  svc.conntrack = true;
  if (ipvs.conntrackUsers[slot(svc.family)]!++ > 0) return;
  // what it has not seen in the meantime must not count against connections that it knows (`nf_ct_tcp_fixup`)
  for (const ct of ipvs.conntracks.live(ipvs.net.jiffies)) {
    if (ct.tuples[CT_ORIGINAL].family === svc.family) ct.track.rejoin();
  }
}

/** The service is gone (`ip_vs_unregister_conntrack`). */
export function unregisterConntrack(ipvs: NetnsIpvs, svc: Service): void {
  if (!svc.conntrack) return;
  svc.conntrack = false;
  ipvs.conntrackUsers[slot(svc.family)]!--;
}

/** True while packets of the family are tracked. */
export function conntrackOn(ipvs: NetnsIpvs, family: number): boolean {
  return ipvs.conntrackUsers[slot(family)]! > 0;
}

function slot(family: Family | number): number {
  return family === AF_INET ? 0 : 1;
}

const source = new Int32Array(4);
const target = new Int32Array(4);

/** True when tracking knows the connection of a packet whose transport header is right behind the fixed IP header. */
export function isTracked(ipvs: NetnsIpvs, packet: Packet): boolean {
  const v = packet.view;
  const at = packet.data;
  const v4 = v.getUint8(at) >>> 4 === 4;
  const family = v4 ? AF_INET : AF_INET6;
  const tcp = at + (v4 ? IPV4_MIN : IPV6_HEADER);
  if (!conntrackOn(ipvs, family) || v.getUint8(at + (v4 ? 9 : 6)) !== IPPROTO_TCP) return false;
  if (tcp + 4 > at + packet.len) return false;
  const words = v4 ? 1 : 4;
  const from = at + (v4 ? 12 : IPV6_SOURCE);
  for (let i = 0; i < words; i++) {
    source[i] = v.getInt32(from + 4 * i);
    target[i] = v.getInt32(from + 4 * (words + i));
  }
  return ipvs.conntracks.peek(family, source, target, v.getInt32(tcp)) !== undefined;
}

/** A packet has come in, or was made here (`nf_conntrack_in`). It is tracked until {@link endTrack}; packets that it causes come in between. */
export function beginTrack(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): void {
  const level = ipvs.trackDepth++;
  const pt = ipvs.packetTracks[level] ?? new PacketTrack();
  ipvs.packetTracks[level] = pt;
  pt.ct = null;
  if (!conntrackOn(ipvs, iph.family) || iph.protocol !== IPPROTO_TCP || iph.fragoffs !== 0)
    pt.state = UNTRACKED;
  else lookUp(ipvs, pt, packet, iph, iph.daddr, ipvs.hook !== NF_INET_LOCAL_OUT);
}

/** The packet of the last {@link beginTrack} has left, or is gone. */
export function endTrack(ipvs: NetnsIpvs): void {
  ipvs.trackDepth--;
}

/** The packet in work. */
function current(ipvs: NetnsIpvs): PacketTrack {
  return ipvs.packetTracks[ipvs.trackDepth - 1]!;
}

/** @param verify the checksum. */
function lookUp(
  ipvs: NetnsIpvs,
  pt: PacketTrack,
  packet: Packet,
  iph: IpHdr,
  daddr: Int32Array,
  verify: boolean,
): void {
  const v = packet.view;
  const at = packet.data + iph.len;
  const length = packet.len - iph.len;
  pt.state = INVALID;
  if (length < TCP_MIN) return;
  const { jiffies } = ipvs.net;
  const table = ipvs.conntracks;
  pt.state = UNBORN;
  const ct = table.find(iph.family, iph.saddr, daddr, v.getInt32(at), jiffies);
  if (ct === undefined) return;
  pt.state = INVALID;
  if (!ctSane(v, at, length) || (verify && !transportChecksumOk(packet, iph))) return;
  const { direction } = table;
  const offset = ct.seqadj === undefined ? 0 : ct.seqadj[1 - direction]!.offset((tcpAck(v, at) - 1) | 0);
  const verdict = ct.track.segment(v, at, length, direction === CT_REPLY, offset, jiffies);
  if (verdict === CT_INVALID) return;
  if (verdict === CT_LAST || verdict === CT_AGAIN) table.remove(ct);
  if (verdict === CT_AGAIN) {
    pt.state = UNBORN;
    // the segment is looked at a second time, and a checksum that was right the first time is then vouched for
    if (verify && packet.ipSummed === CHECKSUM_NONE) packet.ipSummed = CHECKSUM_UNNECESSARY;
    return;
  }
  pt.state = TRACKED;
  pt.ct = ct;
  pt.direction = direction;
}

/** The connection of the packet in work, which it begins if there is none, or null. Its addresses and ports are still those that it came with. */
function connectionOf(
  ipvs: NetnsIpvs,
  packet: Packet,
  iph: IpHdr,
  daddr: Int32Array,
  verify: boolean,
): Conntrack | null {
  const pt = current(ipvs);
  if (pt.state !== UNBORN) return pt.ct;
  pt.state = INVALID;
  const v = packet.view;
  const at = packet.data + iph.len;
  const length = packet.len - iph.len;
  if (!ctSane(v, at, length) || (verify && !transportChecksumOk(packet, iph))) return null;
  if (!ctOpens(tcpFlags(v, at))) return null;
  const { jiffies, hz } = ipvs.net;
  const track = new TcpTrack(v, at, length, hz);
  if (track.segment(v, at, length, false, 0, jiffies) === CT_INVALID) return null;
  pt.state = TRACKED;
  pt.ct = new Conntrack(track, iph.family, iph.saddr, daddr, v.getInt32(at));
  pt.direction = CT_ORIGINAL;
  return pt.ct;
}

/** The connection that tracking has for the packet in work, before it is changed; null when there is none (`nf_ct_get`). */
export function trackOf(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): Conntrack | null {
  if (ipvs.trackDepth === 0) return null;
  return connectionOf(ipvs, packet, iph, iph.daddr, ipvs.hook !== NF_INET_LOCAL_OUT);
}

/** An application has changed the packet in work, which begins at `seq`: it is longer by `diff` bytes now (`nf_ct_seqadj_set`). */
export function trackResized(ipvs: NetnsIpvs, ct: Conntrack, seq: number, diff: number): void {
  if (ct.seqadj !== undefined) ct.seqadj[current(ipvs).direction]!.set(seq, diff);
}

/**
 * IPVS is done with a packet of connection `c`: tracking forgets it, or learns what the other direction looks like (`ip_vs_notrack`,
 * `ip_vs_update_conntrack`).
 * @param reply from the real server.
 */
export function settleTrack(ipvs: NetnsIpvs, c: number, reply: boolean): void {
  if (ipvs.trackDepth === 0) return;
  const pt = current(ipvs);
  const t = ipvs.conns;
  const flags = t.hot[(c << HOT_SHIFT) + C_FLAGS]!;
  if ((flags & CONN_F_NFCT) === 0) {
    pt.state = UNTRACKED;
    pt.ct = null;
    return;
  }
  const { ct } = pt;
  if (ct === null || ct.confirmed || ct.dying || (flags & CONN_F_FWD_MASK) !== CONN_F_MASQ) return;
  if (pt.direction !== CT_ORIGINAL) return;
  if ((flags & CONN_F_APP) !== 0) ct.addSeqadj();
  const answers = ct.tuples[CT_REPLY];
  if (reply) {
    t.addr(c, C_VADDR, answers.dst);
    answers.ports = (answers.ports & ~0xffff) | t.vport(c);
  } else {
    t.addr(c, C_DADDR, answers.src);
    answers.ports = (t.dport(c) << 16) | (answers.ports & 0xffff);
  }
}

/**
 * A client's packet leaves for its real server. One that belongs to nothing is looked at once more, with its new destination: there it may open
 * a connection of its own. False drops it.
 * @param daddr its destination now.
 */
export function leaveTracked(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr, daddr: Int32Array): boolean {
  if (ipvs.trackDepth === 0) return true;
  const pt = current(ipvs);
  if (pt.state === INVALID) lookUp(ipvs, pt, packet, iph, daddr, false);
  return confirm(ipvs, packet, iph, daddr, false);
}

/** A packet goes on by itself: it leaves, or reaches this host. False drops it. */
export function passTracked(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): boolean {
  return confirm(ipvs, packet, iph, iph.daddr, ipvs.hook !== NF_INET_LOCAL_OUT);
}

/** A packet goes into a tunnel, and leaves tracking there (`ip_vs_tunnel_xmit_prepare`). False drops it. */
export function tunnelTracked(ipvs: NetnsIpvs): boolean {
  if (ipvs.trackDepth === 0) return true;
  const pt = current(ipvs);
  const known = pt.ct === null || insertNew(ipvs, pt.ct, pt.direction);
  pt.state = UNTRACKED;
  pt.ct = null;
  return known;
}

/** The packet leaves: its connection is known from now on, and numbers of a changed stream are put right (`nf_confirm`). */
function confirm(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr, daddr: Int32Array, verify: boolean): boolean {
  const ct = connectionOf(ipvs, packet, iph, daddr, verify);
  if (ct === null) return true;
  const { direction } = current(ipvs);
  if (ct.seqadj !== undefined) {
    const [sent, acked] = [ct.seqadj[direction]!, ct.seqadj[1 - direction]!];
    if (!adjustSegment(packet, packet.data + iph.len, sent, acked)) return false;
  }
  return insertNew(ipvs, ct, direction);
}

/** `nf_conntrack_confirm` */
function insertNew(ipvs: NetnsIpvs, ct: Conntrack, direction: number): boolean {
  if (ct.confirmed || direction !== CT_ORIGINAL) return true;
  return !ct.dying && ipvs.conntracks.insert(ct, ipvs.net.jiffies);
}

/**
 * An ICMP error from the client's side that goes on to a server: the kernel takes the ICMP header for a TCP header here, and damages the
 * packet inside once a reply has changed its length. False drops it.
 */
export function confirmIcmp(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
  const ct = clientTrack(ipvs, c);
  if (ct?.seqadj === undefined || ipvs.conntracks.direction !== CT_ORIGINAL) return true;
  if (packet.len - iph.len < TCP_MIN) return true;
  const [sent, acked] = ct.seqadj;
  return adjustSegment(packet, packet.data + iph.len, sent, acked);
}

/**
 * Moves the sequence number of a segment, and its acknowledgement and SACK blocks (`nf_ct_seq_adjust`).
 * @param tcp where the header is. @param sent,acked changes of length of its direction, and of the other one.
 * @returns false when its options are malformed.
 */
function adjustSegment(packet: Packet, tcp: number, sent: SeqAdj, acked: SeqAdj): boolean {
  if (sent.idle && acked.idle) return true;
  const v = packet.view;
  const replace = (at: number, value: number): void => {
    const delta = delta32(v.getInt32(at), value);
    v.setInt32(at, value);
    if (packet.ipSummed === CHECKSUM_PARTIAL) return;
    v.setUint16(tcp + TCP_CHECKSUM, checksumUpdate(v.getUint16(tcp + TCP_CHECKSUM), delta));
  };
  const seq = tcpSequence(v, tcp);
  replace(tcp + 4, (seq + sent.offset(seq)) | 0);
  if ((tcpFlags(v, tcp) & TCP_ACK) === 0) return true;
  const ack = tcpAck(v, tcp);
  replace(tcp + 8, (ack - acked.offsetBack(ack)) | 0);
  return tcpOptions(v, tcp, (kind, at, length) => {
    if (kind !== TCPOPT_SACK || length % SACK_BLOCK !== 0) return;
    for (let o = at; o < at + length; o += 4) {
      const edge = v.getUint32(o);
      replace(o, (edge - acked.offsetBack(edge)) | 0);
    }
  });
}

/** The packet in work has a connection in tracking, which connection `c` may not serve any more (`ip_vs_conn_uses_old_conntrack`). */
export function usesOldConntrack(ipvs: NetnsIpvs, c: number): boolean {
  if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_NFCT) === 0 || ipvs.trackDepth === 0)
    return false;
  return current(ipvs).ct?.confirmed === true;
}

/** When connection `c` ends, tracking keeps what it has: that is another one's by now. */
export function keepConntrack(ipvs: NetnsIpvs, c: number): void {
  const h = (c << HOT_SHIFT) + C_FLAGS;
  ipvs.conns.hot[h] = ipvs.conns.hot[h]! & ~CONN_F_NFCT;
}

/**
 * The transport checksum as IPVS verifies it before an application sees the packet. Behind tracking the kernel has the sum of the whole IPv6
 * packet and takes it for that of the segment, so that only what the card vouches for gets past (`tcp_csum_check`).
 */
export function trackedChecksumOk(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): boolean {
  if (packet.ipSummed !== CHECKSUM_NONE) return true;
  const v6 = iph.family !== AF_INET && ipvs.hook === NF_INET_LOCAL_IN && conntrackOn(ipvs, iph.family);
  const verified = v6 && ctWhole(packet.view, packet.data + iph.len, packet.len - iph.len);
  if (!verified) return transportChecksumOk(packet, iph);
  const sum = pseudoSum6(packet.view, packet.data, iph.protocol, packet.len - iph.len);
  return checksum(packet.view, packet.data, packet.len, sum) === 0;
}

/** The IPVS connection is gone, and what tracking knows of it (`ip_vs_conn_drop_conntrack`). */
export function dropConntrack(ipvs: NetnsIpvs, c: number): void {
  const ct = clientTrack(ipvs, c);
  if (ct !== undefined) ipvs.conntracks.remove(ct);
}

/** What tracking has for packets of the client of connection `c`. */
function clientTrack(ipvs: NetnsIpvs, c: number): Conntrack | undefined {
  const t = ipvs.conns;
  const client = new Int32Array(4);
  const virtual = new Int32Array(4);
  t.addr(c, C_CADDR, client);
  t.addr(c, C_VADDR, virtual);
  const ports = (t.cport(c) << 16) | t.vport(c);
  return ipvs.conntracks.find(t.family(c), client, virtual, ports, ipvs.net.jiffies);
}
