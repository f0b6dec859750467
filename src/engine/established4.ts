/** The short way for IPv4: see established.ts. */
import { checksumUpdate, delta16, delta32, partialUpdate } from '../wire/checksum.js';
import * as ipv4 from '../wire/ipv4.js';
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
const { IPV4_MIN } = ipv4;
const { CHECKSUM_PARTIAL } = skb;
const { LONG_WAY, SPECIAL } = common;
const { DIR_INPUT, DIR_OUTPUT } = directions;
const { NF_ACCEPT, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_STOLEN } = netfilter;
const { TCP_CHECKSUM, TCP_MIN, TCP_SYN } = tcp;
const { UDP_CHECKSUM } = udp;

/** MF and the fragment offset. */
const FRAGMENT = 0x3fff;
const LOOPBACK_NET = 127;

/** Takes the packet if it is an ordinary one. @returns the verdict, or `LONG_WAY`. */
export function established4(ipvs: NetnsIpvs, packet: Packet, hook: number): number {
  const v = packet.view;
  const at = packet.data;
  const transport = at + IPV4_MIN;
  if ((v.getUint16(at + 6) & FRAGMENT) !== 0 || packet.fragMaxSize !== 0) return LONG_WAY;
  if (hook === NF_INET_LOCAL_OUT || ipvs.syncState !== 0) return LONG_WAY;
  const protocol = v.getUint8(at + 9);
  let tcpFlags = 0;
  if (protocol === IPPROTO_TCP) {
    if (packet.len < IPV4_MIN + TCP_MIN) return LONG_WAY;
    tcpFlags = v.getUint8(transport + 13);
    if ((tcpFlags & TCP_SYN) !== 0) return LONG_WAY;
  } else if (protocol !== IPPROTO_UDP) return LONG_WAY;
  const t = ipvs.conns;
  t.find4(protocol, v.getInt32(at + 12), v.getInt32(at + 16), v.getInt32(transport));
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
  const ttl = v.getUint16(at + 8);
  if (reply) {
    if (method !== CONN_F_MASQ || ipvs.net.host.reroutes !== undefined) return LONG_WAY;
  } else if (
    hook !== NF_INET_LOCAL_IN ||
    (method !== CONN_F_MASQ && method !== CONN_F_DROUTE) ||
    route === undefined ||
    dest.routeGeneration !== ipvs.net.host.routeGeneration ||
    (method === CONN_F_DROUTE && !dest.routeKnownNh) ||
    route.local ||
    (packet.len > route.mtu && packet.gsoSize === 0) ||
    ttl >>> 8 <= 1 ||
    v.getUint8(at + 12) === LOOPBACK_NET
  ) {
    return LONG_WAY;
  }

  // from here on the packet is ours
  let headerDelta = 0;
  if (!reply) {
    v.setUint16(at + 8, ttl - 0x100);
    headerDelta = delta16(ttl, ttl - 0x100);
  }
  if (method === CONN_F_MASQ) {
    const ports = hot[h + C_PORTS]!;
    const dport = hot[h + C_DPORT]! >>> 16;
    const from = hot[h + (reply ? C_DADDR : C_VADDR)]!;
    const to = hot[h + (reply ? C_VADDR : C_DADDR)]!;
    const toPort = reply ? ports & 0xffff : dport;
    const delta = delta32(from, to);
    headerDelta += delta;
    v.setInt32(reply ? at + 12 : at + 16, to);
    v.setUint16(reply ? transport : transport + 2, toPort);
    if (packet.ipSummed === CHECKSUM_PARTIAL) v.setUint16(checkAt, partialUpdate(check, delta));
    else {
      const portDelta = delta16(reply ? dport : ports & 0xffff, toPort);
      const updated = checksumUpdate(check, delta + portDelta);
      v.setUint16(checkAt, updated === 0 && protocol === IPPROTO_UDP ? 0xffff : updated);
    }
  }
  v.setUint16(at + 10, checksumUpdate(v.getUint16(at + 10), headerDelta));
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
