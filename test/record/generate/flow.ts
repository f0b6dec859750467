/** The packets of one client's connection to port 80 of the virtual address. */
import { type TcpOptions, tcp, type UdpOptions, udp } from '../../support/packets.js';
import { client, type Ip, server, vip } from './place.js';

/** Both ends of a connection through NAT; with the other methods only the client's packets pass the director. */
export class Flow {
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly server: string;
  readonly serverPort: number;

  /** @param port the client's. @param n the real server's number. */
  constructor(ip: Ip, port: number, n = 1, serverPort = 8080) {
    this.client = client(ip);
    this.clientPort = port;
    this.virtual = vip(ip);
    this.server = server(ip, n);
    this.serverPort = serverPort;
  }

  /** A segment of the client, as the director gets it. */
  ask(flags: number, options: TcpOptions = {}): Uint8Array {
    return tcp(this.client, this.clientPort, this.virtual, 80, flags, options);
  }

  /** A segment of the real server, as the director gets it. */
  answer(flags: number, options: TcpOptions = {}): Uint8Array {
    return tcp(this.server, this.serverPort, this.client, this.clientPort, flags, { seq: 5000, ...options });
  }

  /** A datagram of the client. */
  askUdp(options: UdpOptions = {}): Uint8Array {
    return udp(this.client, this.clientPort, this.virtual, 80, { data: HELLO, ...options });
  }

  /** A datagram of the real server. */
  answerUdp(options: UdpOptions = {}): Uint8Array {
    return udp(this.server, this.serverPort, this.client, this.clientPort, { data: HELLO, ...options });
  }

  /** What the real server gets of {@link ask} after NAT: what its ICMP errors quote. */
  askAfterNat(flags: number, options: TcpOptions = {}): Uint8Array {
    return tcp(this.client, this.clientPort, this.server, this.serverPort, flags, { ttl: 63, ...options });
  }

  /** What the client gets of {@link answer} after NAT: what errors on the way to it quote. */
  answerAfterNat(flags: number, options: TcpOptions = {}): Uint8Array {
    return tcp(this.virtual, 80, this.client, this.clientPort, flags, { seq: 5000, ttl: 63, ...options });
  }

  /** As {@link askAfterNat}, UDP. */
  askUdpAfterNat(options: UdpOptions = {}): Uint8Array {
    return udp(this.client, this.clientPort, this.server, this.serverPort, {
      data: HELLO,
      ttl: 63,
      ...options,
    });
  }

  /** As {@link answerAfterNat}, UDP. */
  answerUdpAfterNat(options: UdpOptions = {}): Uint8Array {
    return udp(this.virtual, 80, this.client, this.clientPort, { data: HELLO, ttl: 63, ...options });
  }
}

const HELLO = new TextEncoder().encode('hello');
