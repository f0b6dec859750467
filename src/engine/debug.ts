/**
 * What `debug_level` shows (`IP_VS_DBG`, `IP_VS_DBG_PKT`): texts in the kernel's words, handed to the host. Whoever calls looks at
 * `ipvs.debugLevel` first, so that nothing is spent while nobody wants to see it.
 */
import { AF_INET, AF_INET6, inetFromBytes, inetToString } from '../wire/inet.js';
import { ipv4Version } from '../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../wire/ipv6.js';
import type { Packet } from '../wire/packet.js';
import { TCP_ACK, TCP_FIN, TCP_MIN, TCP_RST, TCP_SYN, tcpFlags } from '../wire/tcp.js';
import { connRow } from './conn-list.js';
import { C_FLAGS, C_STATE, HOT_SHIFT } from './conn-table.js';
import { CONN_F_FWD_MASK, IPPROTO_TCP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { DIR_INPUT, type Protocol, type ProtoData } from './protocol.js';

/** Levels: a packet has no real server; */
export const DEBUG_NO_DEST = 1;
/** a connection was scheduled; */
export const DEBUG_SCHEDULE = 6;
/** connections come and go; */
export const DEBUG_BIND = 7;
/** their states; */
export const DEBUG_STATE = 8;
/** packets as they leave; */
export const DEBUG_CHANGED = 10;
/** packets as they come. */
export const DEBUG_PACKET = 11;

/** Tags of forwarding methods (`ip_vs_fwd_tag`), from `CONN_F_MASQ` on. */
const FWD_TAGS = 'MLTRB';

/** A text. */
export function debugText(ipvs: NetnsIpvs, text: string): void {
  ipvs.net.host.debug?.(text);
}

/** A packet as it is now. */
export function debugPacket(ipvs: NetnsIpvs, pp: Protocol, packet: Packet, iph: IpHdr, text: string): void {
  debugText(ipvs, `${text}: ${pp.name} ${pp.debugPacket(packet, iph)}`);
}

/** A connection. */
export function debugConn(ipvs: NetnsIpvs, c: number, text: string): void {
  const flags = ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
  const state = ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
  const fwd = FWD_TAGS[flags & CONN_F_FWD_MASK] ?? '?';
  debugText(ipvs, `${text} ${connText(ipvs, c)} fwd:${fwd} s:${state} conn->flags:${hex(flags)}`);
}

/** A connection whose state has changed from `old`, if it has. */
export function debugState(
  ipvs: NetnsIpvs,
  { pp }: ProtoData,
  c: number,
  direction: number,
  packet: Packet,
  old: number,
): void {
  const state = ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
  if (state === old) return;
  const way = direction === DIR_INPUT ? 'input ' : 'output';
  const signals = pp.protocol === IPPROTO_TCP ? ` [${tcpSignals(packet, ipvs.iph)}]` : '';
  const { protocol, rest } = connParts(ipvs, c);
  debugText(ipvs, `${protocol} ${way}${signals} ${rest} state: ${pp.stateName(old)}->${pp.stateName(state)}`);
}

/** `debug_packet` of the protocols with ports: where from and where to, as far as the packet says. */
export function portsText(packet: Packet, iph: IpHdr): string {
  const [source, target] = addressTexts(packet);
  if (iph.fragoffs !== 0) return `${source}->${target} frag`;
  const at = packet.data + iph.len;
  if (iph.len + 4 > packet.len) return `TRUNCATED ${source}->${target}`;
  const [from, to] = [packet.view.getUint16(at), packet.view.getUint16(at + 2)];
  return `${endpoint(source, from)}->${endpoint(target, to)}`;
}

/** `debug_packet` of the protocols without ports. */
export function addressesText(packet: Packet): string {
  return addressTexts(packet).join('->');
}

function addressTexts({ view, bytes, data }: Packet): [string, string] {
  const four = ipv4Version(view, data) === 4;
  const offsets = four ? ([12, 16] as const) : ([IPV6_SOURCE, IPV6_DESTINATION] as const);
  const [source, target] = offsets.map((at) =>
    inetToString(inetFromBytes(four ? AF_INET : AF_INET6, bytes, data + at)),
  );
  return [source!, target!];
}

/** SYN, FIN, ACK, RST, or a dot for each that is not there. */
function tcpSignals(packet: Packet, iph: IpHdr): string {
  if (iph.len + TCP_MIN > packet.len) return '....';
  const flags = tcpFlags(packet.view, packet.data + iph.len);
  const signal = (bit: number, letter: string): string => ((flags & bit) !== 0 ? letter : '.');
  return signal(TCP_SYN, 'S') + signal(TCP_FIN, 'F') + signal(TCP_ACK, 'A') + signal(TCP_RST, 'R');
}

function connText(ipvs: NetnsIpvs, c: number): string {
  const { protocol, rest } = connParts(ipvs, c);
  return `${protocol} ${rest}`;
}

function connParts(ipvs: NetnsIpvs, c: number): { protocol: string; rest: string } {
  const row = connRow(ipvs, c);
  const client = endpoint(row.clientAddress, row.clientPort);
  const virtual = endpoint(row.virtualAddress, row.virtualPort);
  const dest = endpoint(row.destAddress, row.destPort);
  return { protocol: row.protocol, rest: `c:${client} v:${virtual} d:${dest}` };
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function hex(flags: number): string {
  return (flags >>> 0).toString(16).toUpperCase();
}
