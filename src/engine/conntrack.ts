/**
 * What the kernel's connection tracking does to the connections of applications (`ip_vs_nfct.c`, `nf_conntrack_seqadj.c`).
 * IPVS changes FTP's text through it, so it is at work in a namespace as soon as a service on port 21 has a server behind NAT, and only then.
 * A service on another of FTP's ports has it too: there the kernel relies on a firewall to have brought it in.
 */
import { checksum, checksumUpdate, delta32, pseudoSum6 } from '../wire/checksum.js';
import { AF_INET, type Family } from '../wire/inet.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import { TCP_ACK, TCP_CHECKSUM, TCP_MIN, tcpAck, tcpFlags, tcpSequence } from '../wire/tcp.js';
import { SACK_BLOCK, TCPOPT_SACK, tcpOptions } from '../wire/tcp-options.js';
import { C_FLAGS, HOT_SHIFT } from './conn-table.js';
import { CT_AGAIN, CT_INVALID, CT_LAST, ctOpens, ctSane, TcpTrack } from './ct-tcp.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ, CONN_F_NFCT } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { transportChecksumOk } from './nat-checksum.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { SeqAdj } from './seq.js';
import type { Service } from './service.js';
import { NF_INET_LOCAL_IN } from './verdict.js';

/** One tracked connection (`struct nf_conn`); it lives no longer than the IPVS connection whose packets it sees. */
export class Conntrack {
  readonly track: TcpTrack;
  /** The first segment came from the real server. */
  readonly fromServer: boolean;
  /** It was first seen on its way out: its tuple is the one between client and real server, and what a client sends to the VIP is not it. */
  readonly behindNat: boolean;
  /** Change of length of what the real server sends. */
  readonly adj = new SeqAdj();
  /** A packet has left with it (`IPS_CONFIRMED`). */
  confirmed = false;
  /** Forgotten. */
  dying = false;

  constructor(track: TcpTrack, fromServer: boolean, behindNat = false) {
    this.track = track;
    this.fromServer = fromServer;
    this.behindNat = behindNat;
  }
}

/** Tracking begins for the family of an FTP service (`ip_vs_register_conntrack`). */
export function registerConntrack(ipvs: NetnsIpvs, svc: Service): void {
  if (svc.conntrack) return;
  svc.conntrack = true;
  ipvs.conntrackUsers[slot(svc.family)]!++;
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

/**
 * Shows a packet of connection `c` to tracking, as it came in.
 * @param reply it is the real server's.
 * @returns null when it belongs to nothing there.
 */
export function trackPacket(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  iph: IpHdr,
  reply: boolean,
): Conntrack | null {
  if (ipvs.tracked !== undefined && ipvs.tracked.c === c) {
    const { ct } = ipvs.tracked;
    ipvs.tracked = undefined;
    return ct;
  }
  const v = packet.view;
  const at = packet.data + iph.len;
  const length = packet.len - iph.len;
  if (!ctSane(v, at, length) || !transportChecksumOk(packet, iph)) return null;
  const { jiffies, hz } = ipvs.net;
  const known = liveConntrack(ipvs, c);
  if (known !== undefined && (reply || !known.behindNat)) {
    const offset = reply ? 0 : known.adj.offset((tcpAck(v, at) - 1) | 0);
    const verdict = known.track.segment(v, at, length, reply !== known.fromServer, offset, jiffies);
    if (verdict === CT_INVALID) return null;
    if (verdict === CT_LAST) forget(ipvs, c, known);
    if (verdict !== CT_AGAIN) return known;
    forget(ipvs, c, known);
    // the segment is looked at a second time, and a checksum that was right the first time is then vouched for
    if (packet.ipSummed === CHECKSUM_NONE) packet.ipSummed = CHECKSUM_UNNECESSARY;
  }
  if (!ctOpens(tcpFlags(v, at))) return null;
  const ct = new Conntrack(new TcpTrack(v, at, length, hz), reply);
  return ct.track.segment(v, at, length, false, 0, jiffies) === CT_INVALID ? null : ct;
}

function liveConntrack(ipvs: NetnsIpvs, c: number): Conntrack | undefined {
  const ct = ipvs.conntracks.get(c);
  if (ct === undefined || ((ct.track.expires - ipvs.net.jiffies) | 0) > 0) return ct;
  forget(ipvs, c, ct);
  return undefined;
}

function forget(ipvs: NetnsIpvs, c: number, ct: Conntrack): void {
  ct.dying = true;
  ipvs.conntracks.delete(c);
}

/**
 * A client's packet that belongs to nothing is looked at once more on its way out, with its new destination. There it may open a
 * connection of its own, unless the server's side of that is the tracked one's (`nf_conntrack_confirm`). False drops it.
 */
export function trackBehindNat(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
  const v = packet.view;
  const at = packet.data + iph.len;
  const length = packet.len - iph.len;
  if (!ctSane(v, at, length)) return true;
  const { jiffies, hz } = ipvs.net;
  const known = liveConntrack(ipvs, c);
  if (known?.behindNat === true) {
    const verdict = known.track.segment(v, at, length, known.fromServer, 0, jiffies);
    if (verdict === CT_LAST || verdict === CT_AGAIN) forget(ipvs, c, known);
    if (verdict !== CT_AGAIN) return true;
  } else if (known !== undefined) {
    return !ctOpens(tcpFlags(v, at));
  }
  if (!ctOpens(tcpFlags(v, at))) return true;
  const ct = new Conntrack(new TcpTrack(v, at, length, hz), false, true);
  ct.track.segment(v, at, length, false, 0, jiffies);
  ct.confirmed = true;
  ipvs.conntracks.set(c, ct);
  return true;
}

/**
 * The packet leaves: its connection is known from now on, and numbers of the changed stream are put right (`nf_confirm`). False drops
 * it: its options are malformed, or another connection has its tuple.
 */
export function confirm(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  iph: IpHdr,
  ct: Conntrack,
  reply: boolean,
): boolean {
  if (!ct.confirmed && !ct.dying) {
    if (liveConntrack(ipvs, c) !== undefined) return false;
    ct.confirmed = true;
    ipvs.conntracks.set(c, ct);
  }
  return adjustSegment(packet, packet.data + iph.len, ct.adj, reply);
}

/**
 * An ICMP error from the client's side that goes on to a server: the kernel takes the ICMP header for a TCP header here, and damages the
 * packet inside once a reply has changed its length. False drops it.
 */
export function confirmIcmp(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
  const ct = liveConntrack(ipvs, c);
  if (ct === undefined || ct.fromServer || packet.len - iph.len < TCP_MIN) return true;
  return adjustSegment(packet, packet.data + iph.len, ct.adj, false);
}

/**
 * Moves the sequence number of a reply, or acknowledgement and SACK blocks of a request (`nf_ct_seq_adjust`).
 * @param tcp where the header is. @returns false when its options are malformed.
 */
function adjustSegment(packet: Packet, tcp: number, adj: SeqAdj, reply: boolean): boolean {
  if (adj.idle) return true;
  const v = packet.view;
  const replace = (at: number, value: number): void => {
    const delta = delta32(v.getInt32(at), value);
    v.setInt32(at, value);
    if (packet.ipSummed === CHECKSUM_PARTIAL) return;
    v.setUint16(tcp + TCP_CHECKSUM, checksumUpdate(v.getUint16(tcp + TCP_CHECKSUM), delta));
  };
  if (reply) {
    const seq = tcpSequence(v, tcp);
    replace(tcp + 4, (seq + adj.offset(seq)) | 0);
  }
  if ((tcpFlags(v, tcp) & TCP_ACK) === 0) return true;
  if (!reply) {
    const ack = tcpAck(v, tcp);
    replace(tcp + 8, (ack - adj.offsetBack(ack)) | 0);
  }
  return tcpOptions(v, tcp, (kind, at, length) => {
    if (kind !== TCPOPT_SACK || length % SACK_BLOCK !== 0 || reply) return;
    for (let o = at; o < at + length; o += 4) {
      const edge = v.getUint32(o);
      replace(o, (edge - adj.offsetBack(edge)) | 0);
    }
  });
}

/**
 * What tracking has for a client's packet that connection `c` may not serve any more (`ip_vs_conn_uses_old_conntrack`).
 * @returns null when it takes the packet for the first one of another connection, or does not see it.
 */
export function oldConntrack(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): Conntrack | null {
  const flags = ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
  if ((flags & CONN_F_NFCT) === 0 || (flags & CONN_F_FWD_MASK) !== CONN_F_MASQ) return null;
  if (!conntrackOn(ipvs, iph.family)) return null;
  const ct = trackPacket(ipvs, packet, c, iph, false);
  return ct?.confirmed === true ? ct : null;
}

/** Tracking sees the packets of a connection no more: another one has taken over its tuple. */
export function untrack(ipvs: NetnsIpvs, c: number): void {
  const h = (c << HOT_SHIFT) + C_FLAGS;
  if ((ipvs.conns.hot[h]! & CONN_F_NFCT) === 0) return;
  dropConntrack(ipvs, c);
  ipvs.conns.hot[h] = ipvs.conns.hot[h]! & ~CONN_F_NFCT;
}

/**
 * The transport checksum as IPVS verifies it before an application sees the packet. Behind tracking the kernel has the sum of the whole IPv6
 * packet and takes it for that of the segment, so that only what the card vouches for gets past (`tcp_csum_check`).
 */
export function trackedChecksumOk(ipvs: NetnsIpvs, packet: Packet, iph: IpHdr): boolean {
  if (packet.ipSummed !== CHECKSUM_NONE) return true;
  if (iph.family === AF_INET || ipvs.hook !== NF_INET_LOCAL_IN || !conntrackOn(ipvs, iph.family))
    return transportChecksumOk(packet, iph);
  const sum = pseudoSum6(packet.view, packet.data, iph.protocol, packet.len - iph.len);
  return checksum(packet.view, packet.data, packet.len, sum) === 0;
}

/** The IPVS connection is gone, and what tracking knows of it (`ip_vs_conn_drop_conntrack`). */
export function dropConntrack(ipvs: NetnsIpvs, c: number): void {
  const ct = ipvs.conntracks.get(c);
  if (ct !== undefined) forget(ipvs, c, ct);
  if (ipvs.tracked?.c === c) ipvs.tracked = undefined;
}
