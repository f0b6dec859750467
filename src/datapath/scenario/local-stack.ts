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
import { readFragment, readOptions6, readRouting } from './ext-headers.js';
import { icmpError, icmpInput4, icmpInput6 } from './local-icmp.js';
import { tcpInput } from './local-tcp.js';
import { parameterProblem } from './option6.js';
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

/** A protocol's input; `at` is the offset of its header from the IP header. */
type Input = (host: SimHost, p: Packet, at: number, arrival: Arrival) => void;

const udpInput: Input = (host, p, at, arrival) => host.sockets.input(p, at, arrival);
const ignore: Input = () => undefined;

const INPUTS4: Readonly<Record<number, Input>> = {
  [IPPROTO_ICMP]: icmpInput4,
  [IPPROTO_TCP]: tcpInput,
  [IPPROTO_UDP]: udpInput,
  [IPPROTO_IGMP]: ignore,
  [IPPROTO_PIM]: ignore,
  [IPPROTO_UDPLITE]: ignore,
};

const INPUTS6: Readonly<Record<number, Input>> = {
  [IPPROTO_ICMPV6]: icmpInput6,
  [IPPROTO_TCP]: tcpInput,
  [IPPROTO_UDP]: udpInput,
  [IPPROTO_UDPLITE]: ignore,
  [NEXTHDR_NONE]: ignore,
};

/** Hands an IPv4 packet to its protocol. */
export function deliver4(host: SimHost, p: Packet, arrival: Arrival): void {
  const input = INPUTS4[ipv4Protocol(p.view, p.data)];
  if (input === undefined) icmpError(host, p, 3, 2, 0, arrival);
  else input(host, p, ipv4HeaderLength(p.view, p.data), arrival);
}

/**
 * Walks an IPv6 packet's extension headers and hands it to its protocol. As the kernel, it takes what followed the fragment header of a packet
 * that was reassembled before routing for its first header, of the kind that the first one was.
 */
export function deliver6(host: SimHost, p: Packet, arrival: Arrival): void {
  const v = p.view;
  let from = arrival.hop ? IPV6_HEADER : NEXT_HEADER;
  let at = arrival.joint ?? IPV6_HEADER + (arrival.hop ? optionsLength(p, IPV6_HEADER) : 0);
  for (let next = v.getUint8(p.data + from); ; next = v.getUint8(p.data + from)) {
    const input = INPUTS6[next];
    if (input !== undefined) {
      input(host, p, at, arrival);
      return;
    }
    const length = extensionLength(host, p, next, from, at, arrival);
    if (length < 0) return;
    // a whole datagram lost its fragment header: what followed it is here now
    if (length > 0) from = at;
    at += length;
  }
}

/** Length of a header of options or of routing, which lies within the packet. */
const optionsLength = (p: Packet, at: number): number => (p.view.getUint8(p.data + at + 1) + 1) << 3;

/** Length of the extension header at `at`, whose number is at `from`; 0 when it is gone; -1 when the packet is kept or dropped. */
function extensionLength(
  host: SimHost,
  p: Packet,
  next: number,
  from: number,
  at: number,
  arrival: Arrival,
): number {
  switch (next) {
    case NEXTHDR_DEST:
      return readOptions6(host, p, at, false, arrival) ? optionsLength(p, at) : -1;
    case NEXTHDR_ROUTING:
      return readRouting(host, p, at, arrival) ? optionsLength(p, at) : -1;
    case NEXTHDR_FRAGMENT:
      return { atomic: 8, whole: 0, kept: -1 }[readFragment(host, p, at, arrival)];
  }
  parameterProblem(host, p, 1, from, arrival);
  return -1;
}
