/** The socket of a sync master at the modelled host. */
import type { SyncSender, SyncSocketOptions } from '../../engine/host.js';
import { NF_ACCEPT, NF_INET_LOCAL_OUT } from '../../engine/verdict.js';
import { IpvsError } from '../../errors.js';
import { AF_INET6, type InetAddr } from '../../wire/inet.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';
import { buildPacket } from './build.js';
import { isLinkLocal, type Link } from './fib.js';
import { output } from './output.js';
import type { SimHost } from './sim-host.js';

const IPPROTO_UDP = 17;
const LOOPBACK_NET = 127;
/** The first port that a socket is given which asks for none, and how many there are (`ip_local_port_range`). */
const FIRST_PORT = 32_768;
const PORTS = 28_232;
/** Largest scope of an IPv6 group that a link-local source suits best. */
const LINK_SCOPE = 2;

/**
 * Opens it. What it sends leaves by its interface, from an address of that.
 * @throws NO_NETWORK when the interface is down, or the loopback interface and the group an IPv6 one; NO_ADDRESS when it has no IPv6 address.
 */
export function openSyncSender(host: SimHost, options: SyncSocketOptions): SyncSender {
  const { group, port, ttl } = options;
  const link = host.config.link(options.interface);
  if (!link.up || (link.loopback && group.family === AF_INET6)) throw new IpvsError('NO_NETWORK');
  const source = sourceOn(host, link, group);
  if (source === undefined) throw new IpvsError('NO_ADDRESS');
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

/** The address of `link` that suits the group; with IPv4 one of another link when it has none. */
function sourceOn(host: SimHost, link: Link, group: InetAddr): InetAddr | undefined {
  const own = host.config.addresses.filter((a) => a.prefix.addr.family === group.family);
  const here = own.filter((a) => a.link === link).map((a) => a.prefix.addr);
  if (group.family === AF_INET6) {
    const near = ((group.words[0]! >>> 16) & 15) <= LINK_SCOPE;
    return here.find((a) => isLinkLocal(a) === near) ?? here[0];
  }
  return here[0] ?? own.find((a) => a.prefix.addr.words[0]! >>> 24 !== LOOPBACK_NET)?.prefix.addr;
}
