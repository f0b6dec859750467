/** What is for the host itself goes to its protocols: `ip_local_deliver_finish`, `ip6_input_finish`. */
import { ipv4HeaderLength, ipv4Protocol } from '../../wire/ipv4.js';
import {
  IPV6_HEADER,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_NONE,
  NEXTHDR_ROUTING,
} from '../../wire/ipv6.js';
import type { Packet } from '../../wire/packet.js';
import { parameterProblem, readFragment, readOptions6, readRouting } from './ext-headers.js';
import { icmpError, icmpInput4, icmpInput6 } from './local-icmp.js';
import { tcpInput } from './local-tcp.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPPROTO_ICMP = 1;
const IPPROTO_IGMP = 2;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_PIM = 103;
const IPPROTO_UDPLITE = 136;
/** Offset of the next header field in the IPv6 header. */
const NEXT_HEADER = 6;

/** Hands an IPv4 packet to its protocol. */
export function deliver4(host: SimHost, p: Packet, arrival: Arrival): void {
  const header = ipv4HeaderLength(p.view, p.data);
  switch (ipv4Protocol(p.view, p.data)) {
    case IPPROTO_ICMP:
      return icmpInput4(host, p, header, arrival);
    case IPPROTO_TCP:
      return tcpInput(host, p, header, arrival);
    case IPPROTO_UDP:
      return host.sockets.input(p, header, arrival);
    case IPPROTO_IGMP:
    case IPPROTO_PIM:
    case IPPROTO_UDPLITE:
      return;
    default:
      icmpError(host, p, 3, 2, 0, arrival);
  }
}

/** Walks an IPv6 packet's extension headers and hands it to its protocol. */
export function deliver6(host: SimHost, p: Packet, arrival: Arrival): void {
  const v = p.view;
  let at = IPV6_HEADER;
  let from = NEXT_HEADER;
  // the hop-by-hop options were read when the packet came in
  if (v.getUint8(p.data + from) === 0) {
    from = at;
    at += (v.getUint8(p.data + at + 1) + 1) << 3;
  }
  for (;;) {
    switch (v.getUint8(p.data + from)) {
      case NEXTHDR_DEST:
        if (!readOptions6(host, p, at, arrival)) return;
        break;
      case NEXTHDR_ROUTING:
        if (!readRouting(host, p, at, arrival)) return;
        break;
      case NEXTHDR_FRAGMENT: {
        const fate = readFragment(host, p, at, arrival);
        if (fate === 'kept') return;
        if (fate === 'whole') continue;
        from = at;
        at += 8;
        continue;
      }
      case NEXTHDR_NONE:
      case IPPROTO_UDPLITE:
        return;
      case IPPROTO_ICMPV6:
        return icmpInput6(host, p, at, arrival);
      case IPPROTO_TCP:
        return tcpInput(host, p, at, arrival);
      case IPPROTO_UDP:
        return host.sockets.input(p, at, arrival);
      default:
        return parameterProblem(host, p, 1, from, arrival);
    }
    from = at;
    at += (v.getUint8(p.data + at + 1) + 1) << 3;
  }
}
