/** An engine with a given number of connections in it. */
import { CONN_F_MASQ, IPPROTO_TCP } from '../../src/engine/flags.js';
import type { Route } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../src/engine/verdict.js';
import { HEADROOM, Packet } from '../../src/wire/packet.js';
import { ACK, FIN, SYN, tcp, udp } from '../../test/support/packets.js';
import { clientOf, type Flows, portOf } from './flow-stream.js';
import { NullHost } from './null-host.js';
import { Random } from './random.js';
import { destUser, serviceUser } from './rules.js';

const SERVERS = 8;
const VPORT = 80;
const SERVER_PORT = 8080;
const VIP4 = 0x0a01_0064;
const VIP6_LAST = 0x100;

/** Notes where the last packet went. */
class NotingHost extends NullHost {
  /** Last word of its destination address. */
  last = 0;

  override transmit(packet: Packet, route: Route): void {
    super.transmit(packet, route);
    this.last = packet.view.getInt32(
      packet.data + (packet.len > 40 && packet.bytes[packet.data]! >>> 4 === 6 ? 36 : 16),
    );
  }
}

/** An engine under load. */
export class EngineLoad {
  readonly net: Net;
  readonly flows: Flows;
  readonly clock = { now: 0 };
  private readonly host: NotingHost;
  private readonly p = new Packet();
  private readonly protocol: number;

  /** @param limit most connections, as the daemon would be configured. */
  constructor(protocol: number, v6: boolean, count: number, limit: number) {
    this.protocol = protocol;
    this.host = new NotingHost([v6 ? 'fd00:1::100' : '10.1.0.100']);
    const random = new Random(1);
    this.net = new Net({ host: this.host, random: () => random.next(), connLimit: limit });
    const service = serviceUser(protocol, v6 ? 'fd00:1::100' : '10.1.0.100', VPORT);
    this.net.ipvs.addService(service);
    for (let i = 0; i < SERVERS; i++) {
      const rip = `${v6 ? 'fd00:2::' : '10.2.0.'}${11 + i}`;
      this.net.ipvs.addDest(service, destUser(rip, SERVER_PORT, CONN_F_MASQ));
    }
    this.flows = {
      count,
      vip: v6 ? VIP6_LAST : VIP4,
      vport: VPORT,
      server: new Int32Array(count),
      serverPort: SERVER_PORT,
      v6,
    };
  }

  /**
   * Opens all connections: a datagram each, or SYN.
   * @param took is told how many milliseconds `receive` took for each connection, shorter ones of earlier runs being kept.
   */
  open(took?: Float32Array): void {
    const { from, to } = this.ends();
    const first = this.protocol === IPPROTO_TCP ? tcp(from, 1, to, VPORT, SYN) : udp(from, 1, to, VPORT);
    for (let i = 0; i < this.flows.count; i++) {
      this.request(first, i);
      const start = took === undefined ? 0 : performance.now();
      this.net.receive(this.p, NF_INET_LOCAL_IN);
      if (took !== undefined) took[i] = Math.min(took[i]!, performance.now() - start);
      this.flows.server[i] = this.host.last;
    }
    if (this.net.ipvs.conns.count !== this.flows.count)
      throw new Error(`only ${this.net.ipvs.conns.count} connections`);
  }

  /** Brings TCP connections from SYN_RECV to ESTABLISHED. */
  establish(): void {
    if (this.protocol !== IPPROTO_TCP) return;
    const { from, to, server } = this.ends();
    const answer = tcp(server, SERVER_PORT, from, 1, SYN | ACK);
    const ack = tcp(from, 1, to, VPORT, ACK);
    for (let i = 0; i < this.flows.count; i++) {
      this.reply(answer, i);
      this.net.receive(this.p, NF_INET_FORWARD);
      this.request(ack, i);
      this.net.receive(this.p, NF_INET_LOCAL_IN);
    }
  }

  /** A packet of the client for each of the first `count` connections. */
  use(count: number): void {
    const { from, to } = this.ends();
    const bytes = this.protocol === IPPROTO_TCP ? tcp(from, 1, to, VPORT, ACK) : udp(from, 1, to, VPORT);
    for (let i = 0; i < count; i++) {
      this.request(bytes, i);
      this.net.receive(this.p, NF_INET_LOCAL_IN);
    }
  }

  /** Client and server close the first `count` connections. */
  close(count: number): void {
    const { from, to, server } = this.ends();
    const [asked, answered] = [
      tcp(from, 1, to, VPORT, FIN | ACK),
      tcp(server, SERVER_PORT, from, 1, FIN | ACK),
    ];
    for (let i = 0; i < count; i++) {
      this.request(asked, i);
      this.net.receive(this.p, NF_INET_LOCAL_IN);
      this.reply(answered, i);
      this.net.receive(this.p, NF_INET_FORWARD);
    }
    this.use(count);
  }

  /** Addresses in the family of the flows; the client's and the server's are written over. */
  private ends(): { from: string; to: string; server: string } {
    return this.flows.v6
      ? { from: 'fd00:1::1', to: 'fd00:1::100', server: 'fd00:2::11' }
      : { from: '10.1.0.10', to: '10.1.0.100', server: '10.2.0.11' };
  }

  private request(bytes: Uint8Array, flow: number): void {
    const { p } = this;
    p.load(bytes);
    p.ifindex = 2;
    p.view.setInt32(HEADROOM + (this.flows.v6 ? 20 : 12), clientOf(flow));
    p.view.setUint16(HEADROOM + (this.flows.v6 ? 40 : 20), portOf(flow));
  }

  private reply(bytes: Uint8Array, flow: number): void {
    const { p } = this;
    p.load(bytes);
    p.ifindex = 2;
    p.view.setInt32(HEADROOM + (this.flows.v6 ? 20 : 12), this.flows.server[flow]!);
    p.view.setInt32(HEADROOM + (this.flows.v6 ? 36 : 16), clientOf(flow));
    p.view.setUint16(HEADROOM + (this.flows.v6 ? 42 : 22), portOf(flow));
  }
}
