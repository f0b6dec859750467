/** Translating an ICMP error and the packet inside it (`ip_vs_nat_icmp`, `ip_vs_nat_icmp_v6`). */
import { checksum, checksumFold, ipv4SetChecksum, pseudoSum6 } from '../wire/checksum.js';
import { AF_INET } from '../wire/inet.js';
import { CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import { C_DADDR, C_VADDR } from './conn-table.js';
import { IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';

const CHECKSUM_OFFSET = 2;

/** True for the protocols whose header begins with two ports. */
export function hasPorts(protocol: number): boolean {
  return protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_SCTP;
}

/**
 * Rewrites the addresses of both headers and the port inside. The transport checksum inside stays as it was.
 * @param reply from the real server: to the virtual address; otherwise to the dest's.
 */
export function natIcmp(
  ipvs: NetnsIpvs,
  packet: Packet,
  c: number,
  iph: IpHdr,
  ciph: IpHdr,
  reply: boolean,
): void {
  const t = ipvs.conns;
  const v = packet.view;
  const base = packet.data;
  const inner = base + ciph.off;
  const icmp = base + iph.len;
  const which = reply ? C_VADDR : C_DADDR;
  const ports = hasPorts(ciph.protocol);
  packet.pull(ciph.len + (ports ? 4 : 0));
  if (ports) {
    if (reply) v.setUint16(base + ciph.len + 2, t.vport(c));
    else v.setUint16(base + ciph.len, t.dport(c));
  }
  if (iph.family === AF_INET) {
    const addr = t.addrWord(c, which, 0);
    v.setInt32(base + (reply ? 12 : 16), addr);
    ipv4SetChecksum(v, base, iph.len);
    v.setInt32(inner + (reply ? 16 : 12), addr);
    ipv4SetChecksum(v, inner, ciph.len - ciph.off);
    v.setUint16(icmp + CHECKSUM_OFFSET, 0);
    v.setUint16(icmp + CHECKSUM_OFFSET, checksum(v, icmp, packet.len - iph.len));
    packet.ipSummed = CHECKSUM_UNNECESSARY;
    return;
  }
  for (let i = 0; i < 4; i++) {
    const word = t.addrWord(c, which, i);
    v.setInt32(base + (reply ? 8 : 24) + 4 * i, word);
    v.setInt32(inner + (reply ? 24 : 8) + 4 * i, word);
  }
  v.setUint16(
    icmp + CHECKSUM_OFFSET,
    checksumFold(pseudoSum6(v, base, IPPROTO_ICMPV6, packet.len - iph.len)),
  );
  packet.ipSummed = CHECKSUM_PARTIAL;
  packet.csumStart = iph.len;
  packet.csumOffset = CHECKSUM_OFFSET;
}

/** The sum over the ICMP message alone is right, or somebody vouches for it. (For ICMPv6 the kernel leaves the pseudo header out as well.) */
export function icmpChecksumOk(packet: Packet, iph: IpHdr): boolean {
  if (packet.ipSummed !== 0) return true;
  return checksum(packet.view, packet.data + iph.len, packet.len - iph.len) === 0;
}
