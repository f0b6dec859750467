/** UDP at the host: echo servers, clients, and "port unreachable" for all other ports. */
import {
  AF_INET,
  AF_INET6,
  type Family,
  type InetAddr,
  inetEqual,
  inetFromBytes,
  inetIsAny,
} from '../../wire/inet.js';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../../wire/ipv6.js';
import { CHECKSUM_NONE, type Packet } from '../../wire/packet.js';
import { UDP_CHECKSUM, UDP_HEADER, udpDestinationPort, udpLength, udpSourcePort } from '../../wire/udp.js';
import { buildPacket, leaveChecksum, transportSum } from './build.js';
import type { Link } from './fib.js';
import { icmpError } from './local-icmp.js';
import { routeFrom, sendLocal, staysInside } from './output.js';
import type { Arrival, SimHost } from './sim-host.js';

const IPPROTO_UDP = 17;
const ECHO = new TextEncoder().encode('echo:');

/** Takes a datagram of a socket. */
export type UdpReceiver = (data: Uint8Array, from: InetAddr, port: number) => void;

/** A bound socket; an unspecified address takes what comes to any, that of IPv6 also IPv4's. */
interface UdpSocket {
  /** The only link that it hears, when it is bound to one. */
  readonly link?: Link;
  readonly addr: InetAddr;
  readonly port: number;
  readonly receive: UdpReceiver;
}

/** The UDP sockets of the host. */
export class UdpSockets {
  readonly #host: SimHost;
  readonly #sockets: UdpSocket[] = [];

  constructor(host: SimHost) {
    this.#host = host;
  }

  /** Opens an echo server: it answers "echo:" and what it was sent, from the address it is bound to. */
  listen(addr: InetAddr, port: number): void {
    const source = inetIsAny(addr) ? undefined : addr;
    this.bind(addr, port, (data, from, peer) => {
      const answer = new Uint8Array(ECHO.length + data.length);
      answer.set(ECHO);
      answer.set(data, ECHO.length);
      this.send(source, port, from, peer, answer);
    });
  }

  /** Opens a socket. @returns false when the address is not this host's. */
  bind(addr: InetAddr, port: number, receive: UdpReceiver): boolean {
    if (!inetIsAny(addr) && !this.#host.isLocal(addr.family, addr.words, 0)) return false;
    this.#sockets.push({ addr, port, receive });
    return true;
  }

  /** Opens a socket for a group on one link, and joins the group there. @returns what closes it. */
  join(link: Link, addr: InetAddr, port: number, receive: UdpReceiver): () => void {
    const socket = { link, addr, port, receive };
    this.#sockets.push(socket);
    return () => this.#sockets.splice(this.#sockets.indexOf(socket), 1);
  }

  /** True when a socket has joined that group on that link. */
  joined(link: Link, group: InetAddr): boolean {
    return this.#sockets.some((s) => s.link === link && inetEqual(s.addr, group));
  }

  /** True when a socket is bound to exactly that. */
  has(addr: InetAddr, port: number): boolean {
    return this.#sockets.some((s) => s.port === port && (inetEqual(s.addr, addr) || takes(s, addr.family)));
  }

  /**
   * Sends a datagram.
   * @param source undefined to let the route choose.
   * @returns what the system call would fail with, or undefined.
   */
  send(
    source: InetAddr | undefined,
    port: number,
    daddr: InetAddr,
    dport: number,
    data: Uint8Array,
  ): string | undefined {
    const host = this.#host;
    const type = host.addrType(daddr);
    if (type === 'broadcast') return 'Permission denied';
    const route = routeFrom(host, source, daddr);
    if (route === undefined) {
      return source !== undefined && staysInside(host, source)
        ? 'Invalid argument'
        : 'Network is unreachable';
    }
    const segment = new Uint8Array(UDP_HEADER + data.length);
    const view = new DataView(segment.buffer);
    view.setUint16(0, port);
    view.setUint16(2, dport);
    view.setUint16(4, segment.length);
    segment.set(data, UDP_HEADER);
    const ttl = type === 'multicast' ? { ttl: 1 } : {};
    const spec = {
      source: source ?? route.source,
      daddr,
      protocol: IPPROTO_UDP,
      df: segment.length + 20 <= route.mtu,
      id: host.ident(),
      ...ttl,
    };
    const packet = buildPacket(host, spec, segment, UDP_CHECKSUM);
    if (route.local) leaveChecksum(packet, packet.len - segment.length, UDP_CHECKSUM, IPPROTO_UDP);
    let sent = true;
    host.run(() => {
      sent = sendLocal(host, packet);
    });
    return sent ? undefined : 'Operation not permitted';
  }

  /** `udp_rcv`: `at` is the UDP header's offset. */
  input(p: Packet, at: number, arrival: Arrival): void {
    const host = this.#host;
    const v = p.view;
    const room = p.len - at;
    if (room < UDP_HEADER) return;
    const v6 = v.getUint8(p.data) >>> 4 === 6;
    const uh = p.data + at;
    // a length of 0 is that of a jumbogram (RFC 2675)
    const length = v6 && udpLength(v, uh) === 0 ? room : udpLength(v, uh);
    if (length < UDP_HEADER || length > room) return;
    if (p.ipSummed === CHECKSUM_NONE && !checksumIsGood(p, at, length, v6)) return;
    p.len = at + length;
    const family: Family = v6 ? AF_INET6 : AF_INET;
    const to = inetFromBytes(family, p.bytes, p.data + (v6 ? IPV6_DESTINATION : 16));
    const from = inetFromBytes(family, p.bytes, p.data + (v6 ? IPV6_SOURCE : 12));
    const port = udpDestinationPort(v, uh);
    const data = p.bytes.slice(uh + UDP_HEADER, uh + length);
    const sport = udpSourcePort(v, uh);
    const type = host.addrType(to);
    const group = type === 'broadcast' || type === 'multicast';
    const exact = this.#sockets.filter(
      (s) => s.port === port && inetEqual(s.addr, to) && (s.link ?? arrival.link) === arrival.link,
    );
    const any = this.#sockets.filter((s) => s.port === port && takes(s, family));
    const found = group ? [...exact, ...any] : [...exact, ...any].slice(0, 1);
    for (const socket of found) host.run(() => socket.receive(data, from, sport));
    if (found.length > 0 || group) return;
    if (v6) icmpError(host, p, 1, 4, 0, arrival);
    else icmpError(host, p, 3, 3, 0, arrival);
  }
}

const takes = (socket: UdpSocket, family: Family): boolean =>
  inetIsAny(socket.addr) && (socket.addr.family === family || socket.addr.family === AF_INET6);

function checksumIsGood(p: Packet, at: number, length: number, v6: boolean): boolean {
  // no checksum: allowed in IPv4 only
  if (p.view.getUint16(p.data + at + UDP_CHECKSUM) === 0) return !v6;
  return transportSum(p, at, IPPROTO_UDP, length) === 0;
}
