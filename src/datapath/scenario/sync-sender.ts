/** The socket of a sync master at the modelled host. */
import type { SyncSender, SyncSocketOptions } from '../../engine/host.js';
import { NF_ACCEPT, NF_INET_LOCAL_OUT } from '../../engine/verdict.js';
import type { InetAddr } from '../../wire/inet.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';
import { buildPacket } from './build.js';
import { isLinkLocal, type Link } from './fib.js';
import { output } from './output.js';
import type { SimHost } from './sim-host.js';

const IPPROTO_UDP = 17;
/** The first port that a socket is given which asks for none, and how many there are (`ip_local_port_range`). */
const FIRST_PORT = 32_768;
const PORTS = 28_232;
/** Largest scope of an IPv6 group that a link-local source suits best. */
const LINK_SCOPE = 2;

/** Opens it. What it sends leaves by its interface, from an address of that. */
export function openSyncSender(host: SimHost, options: SyncSocketOptions): SyncSender {
  const { group, port, ttl } = options;
  const link = host.config.link(options.interface);
  const source = sourceOn(host, link, group);
  const sport = FIRST_PORT + (host.ident() % PORTS);
  return {
    send(message: Uint8Array): boolean {
      const datagram = new Uint8Array(UDP_HEADER + message.length);
      const view = new DataView(datagram.buffer);
      view.setUint16(0, sport);
      view.setUint16(2, port);
      view.setUint16(4, datagram.length);
      datagram.set(message, UDP_HEADER);
      const spec = { source, daddr: group, protocol: IPPROTO_UDP, ttl, id: host.ident() };
      const packet = buildPacket(host, spec, datagram, UDP_CHECKSUM);
      packet.ignoreDf = true;
      const { ifindex, mtu } = link;
      const route = { local: false, ifindex, mtu, mtuLearnt: false, source, nextHop: group };
      host.run(() => {
        host.arrival = undefined;
        if (host.net.receive(packet, NF_INET_LOCAL_OUT) === NF_ACCEPT) output(host, packet, route);
      });
      return true;
    },
    close(): void {},
  };
}

/** The address of `link` that suits the group; one of another link when it has none. */
function sourceOn(host: SimHost, link: Link, group: InetAddr): InetAddr {
  const own = host.config.addresses.filter((a) => a.prefix.addr.family === group.family);
  const here = own.filter((a) => a.link === link).map((a) => a.prefix.addr);
  const near = ((group.words[0]! >>> 16) & 15) <= LINK_SCOPE;
  return here.find((a) => isLinkLocal(a) === near) ?? here[0] ?? own[0]!.prefix.addr;
}
