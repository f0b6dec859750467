/** Packets in brief, for people. */
import { ICMP_HEADER } from '../../wire/icmp.js';
import { AF_INET, inetFromWords, inetToString } from '../../wire/inet.js';
import type { Packet } from '../../wire/packet.js';
import { TCP_MIN, tcpFlags } from '../../wire/tcp.js';
import { protocolName } from '../conn-list.js';
import { fillIphdr } from '../fill-iphdr.js';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../flags.js';
import { IpHdr } from '../iphdr.js';
import { readPorts } from '../proto-ports.js';
import type { PacketView } from './explanation.js';

/** From the lowest bit of the flags on (RFC 9293 3.1, RFC 3168). */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

/** The packet in brief; `undefined` when it is no IP packet. */
export function packetView(packet: Packet): PacketView | undefined {
  const iph = new IpHdr();
  if (!fillIphdr(packet, iph)) return undefined;
  const v = packet.view;
  const { family, protocol } = iph;
  const at = packet.data + iph.len;
  const first = iph.fragoffs === 0;
  const holds = (bytes: number): boolean => first && iph.len + bytes <= packet.len;
  const ported = protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_SCTP;
  const icmp = protocol === (family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  const ports = ported && first ? readPorts(packet, iph) : -1;
  return {
    protocol: protocolName(protocol),
    source: inetToString(inetFromWords(family, iph.saddr)),
    destination: inetToString(inetFromWords(family, iph.daddr)),
    ...(ports >= 0 && { sourcePort: ports >>> 16, destinationPort: ports & 0xffff }),
    ...(protocol === IPPROTO_TCP && holds(TCP_MIN) && { flags: flagNames(tcpFlags(v, at)) }),
    ...(icmp && holds(ICMP_HEADER) && { icmpType: v.getUint8(at), icmpCode: v.getUint8(at + 1) }),
    ttl: v.getUint8(packet.data + (family === AF_INET ? 8 : 7)),
    length: packet.len,
  };
}

function flagNames(flags: number): string[] {
  return TCP_FLAGS.filter((_, bit) => ((flags >>> bit) & 1) !== 0);
}
