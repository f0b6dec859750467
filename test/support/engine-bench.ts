/** An engine in virtual time whose packets are written down: for tests of what services and servers can be told. */
import { NullHost } from '../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../bench/support/rules.js';
import { toConnFilter } from '../../src/control/conn-filter.js';
import type { DestUser } from '../../src/engine/dest.js';
import { CONN_F_MASQ } from '../../src/engine/flags.js';
import type { Route } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import type { Service, ServiceId, ServiceUser } from '../../src/engine/service.js';
import type { DestOptions, ServiceOptions } from '../../src/engine/service-options.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../src/engine/verdict.js';
import { inetToString, parseInet } from '../../src/wire/inet.js';
import type { Packet } from '../../src/wire/packet.js';
import { packetOf } from './packet-of.js';
import { show } from './show.js';

/** Where packets came to, and what they were. */
class Recorder extends NullHost {
  readonly sent: { readonly to: string; readonly bytes: Uint8Array }[] = [];
  override transmit(packet: Packet, route: Route): void {
    this.sent.push({ to: inetToString(route.nextHop), bytes: packet.payload().slice() });
  }
  override icmpSend(packet: Packet, type: number, code: number): void {
    this.sent.push({ to: `icmp ${type}/${code}`, bytes: packet.payload().slice() });
  }
}

export const VIP = '10.1.0.100';
export const CLIENT = '10.9.0.1';

/** See above. Time stands still but for {@link pass}. */
export class EngineBench {
  readonly host = new Recorder([VIP, 'fd00:1::100']);
  readonly net: Net;
  #seconds = 0;
  #draws = 1;

  constructor() {
    const random = (): number => {
      this.#draws = (Math.imul(this.#draws, 1_664_525) + 1_013_904_223) >>> 0;
      return this.#draws;
    };
    this.net = new Net({ host: this.host, random, connLimit: 4096 });
  }

  /** Lets seconds go by. */
  pass(seconds: number): void {
    this.#seconds += seconds;
    this.net.advance(Math.round(this.#seconds * 1000));
  }

  /** Adds a service. */
  service(protocol: number, options: ServiceOptions = {}, changes: Partial<ServiceUser> = {}): Service {
    const user = serviceUser(protocol, changes.addr === undefined ? VIP : inetToString(changes.addr), 80, {
      options: { values: options, replace: true },
      ...changes,
    });
    this.net.ipvs.addService(user);
    return this.net.ipvs.findService(user)!;
  }

  /** Adds or changes a real server. */
  server(svc: ServiceId, address: string, changes: Partial<DestUser> = {}, options: DestOptions = {}): void {
    const user = destUser(address, 80, changes.connFlags ?? CONN_F_MASQ, {
      options: { values: options, replace: true },
      ...changes,
    });
    const there = this.net.ipvs
      .findService(svc)!
      .destinations.some((dest) => inetToString(dest.addr) === address && dest.drain === null);
    if (there) this.net.ipvs.editDest(svc, user);
    else this.net.ipvs.addDest(svc, user);
  }

  /** Drains a real server. */
  drain(svc: ServiceId, address: string, end: 'none' | 'rst' | 'icmp' = 'none', deadline = 30): void {
    this.net.ipvs.drainDest(svc, { addr: parseInet(address)!, port: 80 }, { deadline, end });
  }

  /** A packet for the director. @returns what became of it: the verdict, and what was sent. */
  receive(bytes: Uint8Array): { verdict: number; sent: string[] } {
    this.host.sent.length = 0;
    const verdict = this.#take(bytes);
    return { verdict, sent: this.taken() };
  }

  /** The bytes of what is sent when this packet comes. */
  send(bytes: Uint8Array): Uint8Array[] {
    this.host.sent.length = 0;
    this.#take(bytes);
    return this.host.sent.splice(0).map((packet) => packet.bytes);
  }

  /** A packet that passes, as it goes on. */
  forward(bytes: Uint8Array): string {
    const packet = packetOf(bytes);
    packet.ifindex = 2;
    this.net.receive(packet, NF_INET_FORWARD);
    return show(packet.payload());
  }

  /** What was sent since this was asked last, as texts. */
  taken(): string[] {
    return this.host.sent
      .splice(0)
      .map(({ to, bytes }) => `${to.startsWith('icmp') ? `${to} about ` : ''}${show(bytes)}`);
  }

  /** The connections: client port, server, state. */
  conns(): string[] {
    return this.net.ipvs
      .listConns(0, 4096, toConnFilter({}))
      .entries.map(({ clientPort, destAddress, state }) => `${clientPort} ${destAddress} ${state}`)
      .sort();
  }

  /** Real servers of a service with their weights. */
  weights(svc: Service): Record<string, number> {
    return Object.fromEntries(svc.destinations.map(({ addr, weight }) => [inetToString(addr), weight]));
  }

  #take(bytes: Uint8Array): number {
    const packet = packetOf(bytes);
    packet.ifindex = 2;
    return this.net.receive(packet, NF_INET_LOCAL_IN);
  }
}
