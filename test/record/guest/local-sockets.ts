/** Programs on the director itself: UDP echo servers and UDP clients. */
import type { LocalSend, Outcome } from '../../../src/datapath/scenario/format.js';
import type { Endpoint } from './socket-address.js';
import { UdpSocket } from './udp-socket.js';

/** The director's own UDP sockets. */
export class LocalSockets {
  /** What came to the clients. */
  readonly received: Outcome['localrecv'] = [];
  readonly #servers: UdpSocket[] = [];
  readonly #clients = new Map<string, { local: Endpoint; socket: UdpSocket }>();

  /** True when there are servers, whose answers take a moment. */
  get listening(): boolean {
    return this.#servers.length > 0;
  }

  /** Starts an echo server. */
  listen(endpoint: Endpoint): void {
    this.#servers.push(new UdpSocket(endpoint));
  }

  /** Sends as a client; the same local address and port is the same client. */
  send({ addr, port, to, toport, hex }: LocalSend): void {
    const key = `${addr} ${port}`;
    let client = this.#clients.get(key);
    if (!client) {
      const local = { addr, port };
      client = { local, socket: new UdpSocket(local) };
      this.#clients.set(key, client);
    }
    client.socket.send(Buffer.from(hex, 'hex'), { addr: to, port: toport });
  }

  /** Lets every server answer one datagram. @returns whether one did. */
  echo(): boolean {
    let any = false;
    for (const server of this.#servers) {
      const got = server.receive();
      if (!got) continue;
      any = true;
      server.send(Buffer.concat([Buffer.from('echo:'), got.data]), got.from);
    }
    return any;
  }

  /** Notes in {@link received} what has come to the clients, as an effect of `event`. */
  collect(event: number | null): void {
    for (const { local, socket } of this.#clients.values()) {
      for (let got = socket.receive(); got; got = socket.receive()) {
        const { addr, port } = got.from;
        const hex = Buffer.from(got.data).toString('hex');
        this.received.push({ event, at: [local.addr, local.port], from: [addr, port], hex });
      }
    }
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const { socket } of this.#clients.values()) socket.close();
  }
}
