/** The short way for IPv6: see established.ts. */
import { checksumUpdate, delta16, delta32, partialUpdate } from '../wire/checksum.js';
import * as ipv6 from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import * as skb from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import * as udp from '../wire/udp.js';
import * as layout from './conn-layout.js';
import * as common from './established.js';
import { follow } from './established.js';
import * as connFlags from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import * as netfilter from './verdict.js';

// see conn-layout.ts
const { C_DADDR, C_DEST, C_DPORT, C_FLAGS, C_PORTS, C_VADDR, HOT_SHIFT, NO_CONN } = layout;
const { CONN_F_FWD_MASK, CONN_F_MASQ, IPPROTO_TCP, IPPROTO_UDP } = connFlags;
const { IPV6_DESTINATION, IPV6_HEADER, IPV6_SOURCE } = ipv6;
const { CHECKSUM_PARTIAL } = skb;
const { LONG_WAY, NO_TCP } = common;
const { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } = netfilter;
const { TCP_CHECKSUM, TCP_MIN, TCP_SYN } = tcp;
const { UDP_CHECKSUM, UDP_HEADER } = udp;

/** Addresses of the packet in work. */
const source = new Int32Array(4);
const target = new Int32Array(4);

/** As {@link established4}. */
export function established6(ipvs: NetnsIpvs, packet: Packet, hook: number): number {
  const v = packet.view;
  const at = packet.data;
  const transport = at + IPV6_HEADER;
  if (packet.len < IPV6_HEADER + UDP_HEADER) return LONG_WAY;
  if (hook === NF_INET_LOCAL_OUT || packet.ifindex === 0 || ipvs.syncState !== 0) return LONG_WAY;
  const protocol = v.getUint8(at + 6);
  let tcpFlags = NO_TCP;
  if (protocol === IPPROTO_TCP) {
    if (packet.len < IPV6_HEADER + TCP_MIN) return LONG_WAY;
    tcpFlags = v.getUint8(transport + 13);
    if ((tcpFlags & TCP_SYN) !== 0) return LONG_WAY;
  } else if (protocol !== IPPROTO_UDP) return LONG_WAY;
  read(v, at + IPV6_SOURCE, source);
  read(v, at + IPV6_DESTINATION, target);
  const t = ipvs.conns;
  t.find6(protocol, source, target, v.getInt32(transport));
  const reply = t.foundOut !== NO_CONN;
  const c = reply ? t.foundOut : t.foundIn;
  if (c === NO_CONN) return LONG_WAY;
  const checkAt = transport + (protocol === IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
  const check = v.getUint16(checkAt);
  // a datagram without a checksum is given one, which is a matter of all its bytes
  if (protocol === IPPROTO_UDP && check === 0) return LONG_WAY;
  const limit = v.getUint8(at + 7);
  if (!reply && (hook !== NF_INET_LOCAL_IN || limit <= 1)) return LONG_WAY;
  const size = packet.fragMaxSize !== 0 ? packet.fragMaxSize : packet.len;
  const verdict = follow(ipvs, packet, c, reply, tcpFlags, size);
  if (verdict === LONG_WAY) return LONG_WAY;

  // from here on the packet is ours
  if (!reply) v.setUint8(at + 7, limit - 1);
  const hot = t.hot;
  const h = c << HOT_SHIFT;
  if ((hot[h + C_FLAGS]! & CONN_F_FWD_MASK) === CONN_F_MASQ) {
    const ports = hot[h + C_PORTS]!;
    const dport = hot[h + C_DPORT]! >>> 16;
    const toPort = reply ? ports & 0xffff : dport;
    const old = reply ? source : target;
    const to = reply ? C_VADDR : C_DADDR;
    const [w0, w1, w2, w3] = [
      t.addrWord(c, to, 0),
      t.addrWord(c, to, 1),
      t.addrWord(c, to, 2),
      t.addrWord(c, to, 3),
    ];
    const delta = delta32(old[0]!, w0) + delta32(old[1]!, w1) + delta32(old[2]!, w2) + delta32(old[3]!, w3);
    const addressAt = at + (reply ? IPV6_SOURCE : IPV6_DESTINATION);
    v.setInt32(addressAt, w0);
    v.setInt32(addressAt + 4, w1);
    v.setInt32(addressAt + 8, w2);
    v.setInt32(addressAt + 12, w3);
    v.setUint16(reply ? transport : transport + 2, toPort);
    if (packet.ipSummed === CHECKSUM_PARTIAL) v.setUint16(checkAt, partialUpdate(check, delta));
    else {
      const portDelta = delta16(reply ? dport : ports & 0xffff, toPort);
      const updated = checksumUpdate(check, delta + portDelta);
      v.setUint16(checkAt, updated === 0 && protocol === IPPROTO_UDP ? 0xffff : updated);
    }
  }
  if (!reply) ipvs.net.host.transmit(packet, ipvs.dests[hot[h + C_DEST]! - 1]!.route!);
  return verdict;
}

function read(v: DataView, at: number, words: Int32Array): void {
  words[0] = v.getInt32(at);
  words[1] = v.getInt32(at + 4);
  words[2] = v.getInt32(at + 8);
  words[3] = v.getInt32(at + 12);
}
