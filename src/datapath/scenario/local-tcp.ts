/** TCP at the host: nothing listens, so every segment but a reset is answered by a reset (RFC 9293 3.5.2). */
import { AF_INET, AF_INET6, inetFromBytes } from '../../wire/inet.js';
import { ipv4Tos } from '../../wire/ipv4.js';
import { IPV6_DESTINATION, IPV6_SOURCE, ipv6TrafficClass } from '../../wire/ipv6.js';
import { CHECKSUM_NONE, type Packet } from '../../wire/packet.js';
import {
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_FIN,
  TCP_MIN,
  TCP_RST,
  TCP_SYN,
  tcpAck,
  tcpDestinationPort,
  tcpFlags,
  tcpHeaderLength,
  tcpSequence,
  tcpSourcePort,
} from '../../wire/tcp.js';
import { buildPacket, transportSum } from './build.js';
import { echoOptions } from './echo-options.js';
import { sendLocal } from './output.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPPROTO_TCP = 6;
/** Congestion bits of the type of service: not answered with. */
const INET_ECN_MASK = 3;

/** `tcp_v4_rcv`, `tcp_v6_rcv` and their `send_reset`; `at` is the TCP header's offset. */
export function tcpInput(host: SimHost, p: Packet, at: number, arrival: Arrival): void {
  const v = p.view;
  const th = p.data + at;
  const length = p.len - at;
  if (length < TCP_MIN) return;
  const header = tcpHeaderLength(v, th);
  if (header < TCP_MIN || header > length) return;
  if (p.ipSummed === CHECKSUM_NONE && transportSum(p, at, IPPROTO_TCP, length) !== 0) return;
  const flags = tcpFlags(v, th);
  if ((flags & TCP_RST) !== 0) return;
  const v6 = v.getUint8(p.data) >>> 4 === 6;
  const daddr = v6
    ? inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_SOURCE)
    : inetFromBytes(AF_INET, p.bytes, p.data + 12);
  const source = v6
    ? inetFromBytes(AF_INET6, p.bytes, p.data + IPV6_DESTINATION)
    : inetFromBytes(AF_INET, p.bytes, p.data + 16);
  const type = host.addrType(source);
  if (type === 'broadcast' || type === 'multicast') return;
  if (host.config.fib.lookup(source)?.type === 'anycast') return;
  const reset = new Uint8Array(TCP_MIN);
  const out = new DataView(reset.buffer);
  out.setUint16(0, tcpDestinationPort(v, th));
  out.setUint16(2, tcpSourcePort(v, th));
  out.setUint8(12, (TCP_MIN / 4) << 4);
  if ((flags & TCP_ACK) !== 0) {
    out.setUint32(4, tcpAck(v, th));
    out.setUint8(13, TCP_RST);
  } else {
    const counted = ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0) + length - header;
    out.setUint32(8, tcpSequence(v, th) + counted);
    out.setUint8(13, TCP_RST | TCP_ACK);
  }
  const options =
    arrival.options && echoOptions(p, arrival.options, host.optionSource(source.words[0]!), daddr.words[0]!);
  if (arrival.options !== undefined && options === undefined) return;
  const tos = (v6 ? ipv6TrafficClass(v, p.data) : ipv4Tos(v, p.data)) & ~INET_ECN_MASK;
  const spec = { source, daddr, protocol: IPPROTO_TCP, tos, df: true, ...(options && { options }) };
  const packet = buildPacket(host, spec, reset, TCP_CHECKSUM);
  host.run(() => sendLocal(host, packet, arrival.link));
}
