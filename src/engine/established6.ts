/** The short way for IPv6: see established.ts. */
import { checksumUpdate, delta16, delta32, partialUpdate } from '../wire/checksum.js';
import * as ipv6 from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import * as skb from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import * as udp from '../wire/udp.js';
import { connSetTimeout, controlAssureCt } from './conn.js';
import * as layout from './conn-layout.js';
import * as common from './established.js';
import { countIn, countOut, touch } from './established.js';
import * as connFlags from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { setTcpState } from './proto-tcp.js';
import * as directions from './protocol.js';
import { stateTimeout } from './state-timeouts.js';
import * as netfilter from './verdict.js';

// see conn-layout.ts
const { C_CONTROL, C_DADDR, C_DEST, C_DPORT, C_FLAGS, C_INPKTS, C_PORTS, C_VADDR } = layout;
const { HOT_SHIFT, NO_CONN } = layout;
const { CONN_F_DROUTE, CONN_F_FWD_MASK, CONN_F_MASQ, DEST_F_AVAILABLE, IPPROTO_TCP, IPPROTO_UDP } = connFlags;
const { IPV6_DESTINATION, IPV6_HEADER, IPV6_SOURCE } = ipv6;
const { CHECKSUM_PARTIAL } = skb;
const { LONG_WAY, SPECIAL } = common;
const { DIR_INPUT, DIR_OUTPUT } = directions;
const { NF_ACCEPT, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_STOLEN } = netfilter;
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
  let tcpFlags = 0;
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
  if (c === NO_CONN) {
    ipvs.unknown = true;
    return LONG_WAY;
  }
  const hot = t.hot;
  const h = c << HOT_SHIFT;
  const flags = hot[h + C_FLAGS]!;
  const destIndex = hot[h + C_DEST]!;
  if ((flags & SPECIAL) !== 0 || destIndex === 0) return LONG_WAY;
  const dest = ipvs.dests[destIndex - 1]!;
  // a dest in use belongs to a service, so the hooks of the family are in place
  if ((dest.flags & DEST_F_AVAILABLE) === 0) return LONG_WAY;
  const checkAt = transport + (protocol === IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
  const check = v.getUint16(checkAt);
  // a datagram without a checksum is given one, which is a matter of all its bytes
  if (protocol === IPPROTO_UDP && check === 0) return LONG_WAY;
  const method = flags & CONN_F_FWD_MASK;
  const route = dest.route;
  const limit = v.getUint8(at + 7);
  const size = packet.fragMaxSize !== 0 ? packet.fragMaxSize : packet.len;
  if (reply) {
    if (method !== CONN_F_MASQ || ipvs.net.host.reroutes !== undefined) return LONG_WAY;
  } else if (
    hook !== NF_INET_LOCAL_IN ||
    (method !== CONN_F_MASQ && method !== CONN_F_DROUTE) ||
    route === undefined ||
    dest.routeGeneration !== ipvs.net.host.routeGeneration ||
    (method === CONN_F_DROUTE && !dest.routeKnownNh) ||
    route.local ||
    (size > route.mtu && packet.gsoSize === 0) ||
    limit <= 1
  ) {
    return LONG_WAY;
  }

  // from here on the packet is ours
  if (!reply) v.setUint8(at + 7, limit - 1);
  if (method === CONN_F_MASQ) {
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
  packet.ipvsProperty = true;
  const pd = ipvs.protoData[protocol]!;
  if (protocol === IPPROTO_TCP) setTcpState(ipvs, pd, c, reply ? DIR_OUTPUT : DIR_INPUT, tcpFlags);
  else {
    connSetTimeout(ipvs, c, ipvs.ownTimeouts === 0 ? pd.timeoutTable[0]! : stateTimeout(ipvs, pd, c, 0));
    if (reply && hot[h + C_CONTROL] !== 0) controlAssureCt(ipvs, c);
  }
  touch(ipvs, c);
  if (reply) {
    countOut(ipvs, dest, packet.len);
    if (ipvs.fastPath !== null) ipvs.fastPath.used(c);
    return NF_ACCEPT;
  }
  countIn(ipvs, dest, packet.len);
  hot[h + C_INPKTS]!++;
  if (ipvs.fastPath !== null) ipvs.fastPath.used(c);
  packet.ignoreDf = true;
  ipvs.net.host.transmit(packet, route!);
  return NF_STOLEN;
}

function read(v: DataView, at: number, words: Int32Array): void {
  words[0] = v.getInt32(at);
  words[1] = v.getInt32(at + 4);
  words[2] = v.getInt32(at + 8);
  words[3] = v.getInt32(at + 12);
}
