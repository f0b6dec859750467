/** A machine that has a route to everywhere and throws away what it is given: what is measured or tested is the engine alone. */
import type { AddrType, Host, Route, SyncReceiver, SyncSender } from '../../src/engine/host.js';
import { AF_INET, AF_INET6, type InetAddr, parseInet } from '../../src/wire/inet.js';
import type { Packet } from '../../src/wire/packet.js';

/** See above. Counts what it is given. */
export class NullHost implements Host {
  readonly routeGeneration = 1;
  readonly unprivilegedPortStart = 1024;
  /** Packets handed to `transmit`. */
  transmitted = 0;
  /** ICMP errors that were asked for. */
  icmpErrors = 0;
  private readonly route4: Route;
  private readonly route6: Route;
  private readonly localRoute: Route;
  /** First words of the local addresses, of either family. */
  private readonly local: readonly InetAddr[];

  /** @param local this host's addresses. */
  constructor(local: readonly string[]) {
    this.local = local.map((text) => parseInet(text)!);
    const route = { local: false, ifindex: 2, mtu: 1500, mtuLearnt: false };
    const source4 = parseInet('10.2.0.1')!;
    const source6 = parseInet('fd00:2::1')!;
    this.route4 = { ...route, source: source4, nextHop: source4 };
    this.route6 = { ...route, source: source6, nextHop: source6 };
    this.localRoute = { ...this.route4, local: true, ifindex: 1, mtu: 65_536 };
  }

  route(daddr: InetAddr): Route | undefined {
    if (this.isLocal(daddr.family, daddr.words, 0)) return this.localRoute;
    return daddr.family === AF_INET ? this.route4 : this.route6;
  }

  addrType(addr: InetAddr): AddrType {
    return this.isLocal(addr.family, addr.words, 0) ? 'local' : 'unicast';
  }

  isLocal(family: number, words: Int32Array, at: number): boolean {
    for (let i = 0; i < this.local.length; i++) {
      const a = this.local[i]!;
      if (a.family !== family || a.words[0] !== words[at]) continue;
      if (family !== AF_INET6 || (a.words[3] === words[at + 3] && a.words[1] === words[at + 1])) return true;
    }
    return false;
  }

  transmit(_packet: Packet, _route: Route): void {
    this.transmitted++;
  }

  icmpSend(_packet: Packet, _type: number, _code: number, _info: number): void {
    this.icmpErrors++;
  }

  updatePmtu(): void {}

  availablePages(): number {
    return 1 << 20;
  }

  interfaceMtu(_name: string): number | undefined {
    return undefined;
  }

  openSyncSender(): SyncSender {
    return { send: () => true, close: () => {} };
  }

  openSyncReceiver(): SyncReceiver {
    return { close: () => {} };
  }
}
