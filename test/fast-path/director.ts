/** A director for packet vectors: an engine on a host that only writes down, with services of each kind, and connections that are established. */
import { NullHost } from '../../bench/support/null-host.js';
import { C_STATE, HOT_SHIFT, NO_CONN } from '../../src/engine/conn-table.js';
import {
  CONN_F_DROUTE,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  TUNNEL_ENCAP_FLAG_CSUM,
  TUNNEL_ENCAP_FLAG_NOCSUM,
  TUNNEL_ENCAP_FLAG_REMCSUM,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
  TUNNEL_TYPE_IPIP,
} from '../../src/engine/flags.js';
import type { Route, SyncSender } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import { SCTP_S_ESTABLISHED } from '../../src/engine/sctp-states.js';
import { TCP_S_ESTABLISHED } from '../../src/engine/tcp-states.js';
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../src/engine/verdict.js';
import { AF_INET, type InetAddr, parseInet } from '../../src/wire/inet.js';
import { Packet } from '../../src/wire/packet.js';
import { ACK, SCTP, SYN, sctp, TCP, tcp, UDP, udp } from '../support/packets.js';

export const MTU = 1500;

/** What a service does with its packets. */
export interface Kind {
  readonly name: string;
  readonly vip: string;
  readonly port: number;
  readonly method: number;
  readonly server: string;
  readonly serverPort: number;
  /** Of tunnels; IP in IP when left out. */
  readonly tunType?: number;
  readonly tunFlags?: number;
}

/** What its tunnel is made of. */
export function tunnelOfKind({ tunType = TUNNEL_TYPE_IPIP, tunFlags = TUNNEL_ENCAP_FLAG_NOCSUM }: Kind) {
  return { tunType, tunPort: tunType === TUNNEL_TYPE_GUE ? GUE_PORT : 0, tunFlags };
}

const VIP = { 4: '10.1.0.100', 6: '2001:db8:1::100' };
const SERVER = { 4: '10.2.0.11', 6: '2001:db8:2::11' };
export const SOURCE = { 4: '10.2.0.1', 6: '2001:db8:2::1' };

/** Where tunnels by GUE end. */
const GUE_PORT = 6080;

const TUNNELS = [
  { name: 'gue', tunType: TUNNEL_TYPE_GUE, tunFlags: TUNNEL_ENCAP_FLAG_NOCSUM },
  { name: 'gue csum', tunType: TUNNEL_TYPE_GUE, tunFlags: TUNNEL_ENCAP_FLAG_CSUM },
  { name: 'gue remcsum', tunType: TUNNEL_TYPE_GUE, tunFlags: TUNNEL_ENCAP_FLAG_REMCSUM },
  { name: 'gre', tunType: TUNNEL_TYPE_GRE, tunFlags: TUNNEL_ENCAP_FLAG_NOCSUM },
  { name: 'gre csum', tunType: TUNNEL_TYPE_GRE, tunFlags: TUNNEL_ENCAP_FLAG_CSUM },
];

/** NAT to the same and to another port, direct routing and tunnels, each in both families. */
export const KINDS: readonly Kind[] = ([4, 6] as const).flatMap((v) => [
  { name: `nat${v}`, vip: VIP[v], port: 80, method: CONN_F_MASQ, server: SERVER[v], serverPort: 80 },
  {
    name: `nat${v} to another port`,
    vip: VIP[v],
    port: 81,
    method: CONN_F_MASQ,
    server: SERVER[v],
    serverPort: 8080,
  },
  { name: `direct${v}`, vip: VIP[v], port: 82, method: CONN_F_DROUTE, server: SERVER[v], serverPort: 82 },
  { name: `tunnel ${v}in4`, vip: VIP[v], port: 83, method: CONN_F_TUNNEL, server: SERVER[4], serverPort: 83 },
  { name: `tunnel ${v}in6`, vip: VIP[v], port: 84, method: CONN_F_TUNNEL, server: SERVER[6], serverPort: 84 },
  ...([4, 6] as const).flatMap((outer) =>
    TUNNELS.map(({ name, ...tunnel }, i) => {
      const port = 90 + 10 * outer + i;
      const service = { vip: VIP[v], port, method: CONN_F_TUNNEL, server: SERVER[outer], serverPort: port };
      return { name: `${name} ${v}in${outer}`, ...service, ...tunnel };
    }),
  ),
]);

/** The states of connections that are established. */
const ESTABLISHED: Readonly<Record<number, number>> = {
  [TCP]: TCP_S_ESTABLISHED,
  [UDP]: 0,
  [SCTP]: SCTP_S_ESTABLISHED,
};

/** Writes down the last packet that left, and what a master tells others. */
class Recorder extends NullHost {
  sent: Uint8Array | undefined;
  readonly messages: Uint8Array[] = [];
  onTransmit: () => void = () => {};
  override interfaceMtu(): number {
    return MTU;
  }
  override openSyncSender(): SyncSender {
    return { send: (message) => this.messages.push(message.slice()) > 0, close: () => {} };
  }
  override route(daddr: InetAddr): Route {
    const source = parseInet(daddr.family === AF_INET ? SOURCE[4] : SOURCE[6])!;
    return { local: false, ifindex: 1, mtu: MTU, mtuLearnt: false, source, nextHop: daddr };
  }
  override transmit(packet: Packet): void {
    this.sent = packet.payload().slice();
    this.onTransmit();
  }
}

/** The engine, its services, and packets through it. */
export class VectorDirector {
  readonly net: Net;
  readonly #host = new Recorder(Object.values(VIP));
  readonly #packet = new Packet();

  /** @param kinds of its services. */
  constructor(kinds: readonly Kind[] = KINDS) {
    this.net = new Net({ host: this.#host, random: () => 42, connLimit: 4096 });
    for (const kind of kinds) {
      const { vip, port, method, server, serverPort } = kind;
      for (const protocol of [TCP, UDP, SCTP]) {
        const addr = parseInet(vip)!;
        const id = { family: addr.family, protocol, addr, port, fwmark: 0 } as const;
        this.net.ipvs.addService({
          ...id,
          schedName: 'rr',
          peName: '',
          flags: 0,
          timeout: 0,
          netmask: addr.family === AF_INET ? -1 : 128,
        });
        const thresholds = { uThreshold: 0, lThreshold: 0 };
        const dest = { addr: parseInet(server)!, port: serverPort, connFlags: method, weight: 1 };
        this.net.ipvs.addDest(id, { ...dest, ...thresholds, ...tunnelOfKind(kind) });
      }
    }
  }

  /** What its master has sent. */
  get messages(): readonly Uint8Array[] {
    return this.#host.messages;
  }

  /** Called when a packet is sent on. */
  set onTransmit(listener: () => void) {
    this.#host.onTransmit = listener;
  }

  /** What leaves the director when this packet comes from a client or from a real server; undefined when none does. */
  receive(bytes: Uint8Array, fromServer: boolean): Uint8Array | undefined {
    this.#packet.load(bytes);
    this.#packet.ifindex = 2;
    this.#host.sent = undefined;
    const verdict = this.net.receive(this.#packet, fromServer ? NF_INET_FORWARD : NF_INET_LOCAL_IN);
    if (verdict !== NF_ACCEPT) return this.#host.sent;
    return this.#packet.ipvsProperty ? this.#packet.payload().slice() : undefined;
  }

  #associate({ method, vip, port: vport, server, serverPort }: Kind, client: string, port: number): void {
    this.receive(sctp(client, port, vip, vport, ['init']), false);
    if (method === CONN_F_MASQ) this.receive(sctp(server, serverPort, client, port, ['initAck']), true);
    this.receive(sctp(client, port, vip, vport, ['cookieEcho']), false);
    if (method === CONN_F_MASQ) this.receive(sctp(server, serverPort, client, port, ['cookieAck']), true);
  }

  /** Opens a connection from a client. @returns its number. */
  connect(kind: Kind, protocol: number, client: string, port: number): number {
    if (protocol === SCTP) this.#associate(kind, client, port);
    else if (protocol === UDP) this.receive(udp(client, port, kind.vip, kind.port), false);
    else {
      this.receive(tcp(client, port, kind.vip, kind.port, SYN), false);
      if (kind.method === CONN_F_MASQ)
        this.receive(tcp(kind.server, kind.serverPort, client, port, SYN | ACK), true);
      this.receive(tcp(client, port, kind.vip, kind.port, ACK), false);
    }
    const { ipvs } = this.net;
    const [caddr, vaddr] = [parseInet(client)!, parseInet(kind.vip)!];
    const c = ipvs.conns.findIn({
      family: caddr.family,
      protocol,
      caddr: caddr.words,
      cport: port,
      vaddr: vaddr.words,
      vport: kind.port,
    });
    const state = c === NO_CONN ? -1 : ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff;
    if (state !== ESTABLISHED[protocol]) throw new Error(`${kind.name}: state ${state}`);
    return c;
  }
}
