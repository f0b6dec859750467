/** Transport checksums under NAT: what changes when an address and a port do. */
import {
  checksum,
  checksumUpdate,
  delta16,
  delta32,
  partialUpdate,
  pseudoSum4,
  pseudoSum6,
} from '../wire/checksum.js';
import { AF_INET } from '../wire/inet.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import { C_DADDR, C_DPORT, C_PORTS, C_VADDR, type ConnTable, HOT_SHIFT } from './conn-table.js';
import type { IpHdr } from './iphdr.js';

/**
 * Rewrites the port at `portAt` and the checksum at `checkAt` for a reply (dest to virtual) or a request (virtual to dest).
 * The IP header's own addresses are not touched here.
 * @param zeroIsNone a checksum of 0 means that there was none (UDP): it is then made from scratch, as the kernel does.
 */
export function natTransport(
  t: ConnTable,
  packet: Packet,
  c: number,
  iph: IpHdr,
  reply: boolean,
  portAt: number,
  checkAt: number,
  zeroIsNone: boolean,
): void {
  const v = packet.view;
  const hot = t.hot;
  const h = c << HOT_SHIFT;
  const dport = hot[h + C_DPORT]! >>> 16;
  const vport = hot[h + C_PORTS]! & 0xffff;
  const from = reply ? C_DADDR : C_VADDR;
  const to = reply ? C_VADDR : C_DADDR;
  let delta = delta32(hot[h + from]!, hot[h + to]!);
  if (iph.family !== AF_INET) {
    for (let i = 1; i < 4; i++) delta += delta32(t.addrWord(c, from, i), t.addrWord(c, to, i));
  }
  const toPort = reply ? vport : dport;
  const check = v.getUint16(checkAt);
  v.setUint16(portAt, toPort);
  if (packet.ipSummed === CHECKSUM_PARTIAL) {
    // the field is the sum of the pseudo header: the port is none of it
    v.setUint16(checkAt, partialUpdate(check, delta));
    return;
  }
  if (zeroIsNone && check === 0) {
    fullChecksum(t, packet, c, iph, to, checkAt);
    packet.ipSummed = CHECKSUM_UNNECESSARY;
    return;
  }
  const updated = checksumUpdate(check, delta + delta16(reply ? dport : vport, toPort));
  v.setUint16(checkAt, zeroIsNone && updated === 0 ? 0xffff : updated);
  if (packet.ipSummed !== CHECKSUM_UNNECESSARY) packet.ipSummed = CHECKSUM_NONE;
}

/** The checksum from scratch, with the address `to` in place of the one that NAT replaces. */
function fullChecksum(
  t: ConnTable,
  packet: Packet,
  c: number,
  iph: IpHdr,
  to: number,
  checkAt: number,
): void {
  const v = packet.view;
  const start = packet.data + iph.len;
  const length = packet.len - iph.len;
  const ip = packet.data;
  let sum: number;
  if (iph.family === AF_INET) {
    const old = to === C_VADDR ? iph.saddr[0]! : iph.daddr[0]!;
    sum = pseudoSum4(v, ip, iph.protocol, length) + delta32(old, t.hot[(c << HOT_SHIFT) + to]!);
  } else {
    sum = pseudoSum6(v, ip, iph.protocol, length);
    const old = to === C_VADDR ? iph.saddr : iph.daddr;
    for (let i = 0; i < 4; i++) sum += delta32(old[i]!, t.addrWord(c, to, i));
  }
  v.setUint16(checkAt, 0);
  const check = checksum(v, start, length, sum);
  v.setUint16(checkAt, check === 0 ? 0xffff : check);
}

/** True when the checksum over transport header, data and pseudo header is right. */
export function transportChecksumOk(packet: Packet, iph: IpHdr): boolean {
  if (packet.ipSummed !== CHECKSUM_NONE) return true;
  const v = packet.view;
  const length = packet.len - iph.len;
  const sum =
    iph.family === AF_INET
      ? pseudoSum4(v, packet.data, iph.protocol, length)
      : pseudoSum6(v, packet.data, iph.protocol, length);
  return checksum(v, packet.data + iph.len, length, sum) === 0;
}
