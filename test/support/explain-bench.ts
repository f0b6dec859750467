/** A director on a host that writes down what leaves, for tests that explain packets and then let them come. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { NullHost } from '../../bench/support/null-host.js';
import { connRow } from '../../src/engine/conn-list.js';
import { NO_CONN } from '../../src/engine/conn-table.js';
import { explain } from '../../src/engine/explain/explain.js';
import type { Explanation } from '../../src/engine/explain/explanation.js';
import { packetView } from '../../src/engine/explain/packet-view.js';
import type { Route } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import type { ServiceId } from '../../src/engine/service.js';
import { AF_INET, type InetAddr, inet4, inetToString, parseInet } from '../../src/wire/inet.js';
import { Packet } from '../../src/wire/packet.js';
import { stateText } from './state-text.js';

/** The virtual address, which is local. */
export const VIP = '10.1.0.100';
/** Real servers by number. */
export const SERVERS = ['10.2.0.11', '10.2.0.12', '10.2.0.13', '10.2.0.14'];

/** What left a director: the packet in brief with where it goes, or an ICMP error. */
type Left =
  | { readonly packet: object; readonly nextHop: string }
  | { readonly type: number; readonly code: number };

class Recorder extends NullHost {
  readonly left: Left[] = [];
  routes = true;
  override route(daddr: InetAddr): Route | undefined {
    const source = inet4(0x0a02_0001);
    return this.routes
      ? { local: false, ifindex: 3, mtu: 1500, mtuLearnt: false, source, nextHop: daddr }
      : undefined;
  }
  override transmit(p: Packet, route: Route): void {
    this.left.push({ packet: packetView(p)!, nextHop: inetToString(route.nextHop) });
  }
  override icmpSend(_p: Packet, type: number, code: number): void {
    this.left.push({ type, code });
  }
}

/** A director whose random numbers are counted. */
export class ExplainBench {
  readonly host = new Recorder([VIP]);
  draws = 0;
  /** Connections that were allocated since this was emptied. */
  readonly made: number[] = [];
  readonly net: Net;

  constructor(connLimit = 64) {
    let seed = 1;
    this.net = new Net({
      host: this.host,
      connLimit,
      random: () => {
        this.draws++;
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        return seed;
      },
    });
    const { conns } = this.net.ipvs;
    const alloc = conns.alloc.bind(conns);
    conns.alloc = () => {
      const c = alloc();
      if (c !== NO_CONN) this.made.push(c);
      return c;
    };
  }

  service(
    protocol: number,
    port: number,
    schedName: string,
    more: { flags?: number; fwmark?: number } = {},
  ): ServiceId {
    const { flags = 0, fwmark = 0 } = more;
    const id = { family: AF_INET, protocol, addr: parseInet(VIP)!, port, fwmark } as const;
    this.net.ipvs.addService({ ...id, schedName, peName: '', flags, timeout: 300, netmask: -1 });
    return id;
  }

  server(id: ServiceId, n: number, connFlags: number, weight: number, uThreshold = 0): void {
    const user = {
      addr: parseInet(SERVERS[n]!)!,
      port: id.fwmark !== 0 ? 0 : id.port,
      connFlags,
      weight,
      uThreshold,
    };
    const rest = { lThreshold: 0, tunType: 0, tunPort: 0, tunFlags: 0 };
    const present = this.net.ipvs
      .findService(id)!
      .destinations.some((d) => d.addr.words[0] === user.addr.words[0]);
    if (present) this.net.ipvs.editDest(id, { ...user, ...rest });
    else this.net.ipvs.addDest(id, { ...user, ...rest });
  }

  /** All that the namespace remembers, but for what a look-up has left behind. */
  state(): string {
    return `${this.draws} ${stateText(this.net, ['foundIn', 'foundOut', 'host'])}`;
  }

  /** Explains a packet, holds that nothing has changed, lets it come, and holds that it went as it was explained. */
  held(bytes: Uint8Array, hook: number, mark = 0): Explanation {
    const p = packetOf(bytes, mark);
    const before = this.state();
    const given = Buffer.from(p.bytes).toString('latin1');
    const said = explain(this.net, p, hook);
    assert.equal(this.state(), before, 'explaining changes nothing');
    assert.equal(Buffer.from(p.bytes).toString('latin1'), given, 'nor the packet');
    this.host.left.length = 0;
    const { conns } = this.net.ipvs;
    this.made.length = 0;
    const verdict = this.net.receive(p, hook);
    if (said.outcome === 'undecided') return said;
    assert.equal(said.verdict, ['drop', 'accept', 'steal'][verdict], inspect(said, { depth: 9 }));
    const left: Left[] = [
      ...said.sent
        .filter(({ nextHop }) => nextHop !== undefined)
        .map(({ packet, nextHop }) => ({ packet, nextHop: nextHop! })),
      ...said.icmp.map(({ type, code }) => ({ type, code })),
    ];
    assert.deepEqual(left, this.host.left, inspect(said, { depth: 9 }));
    if (verdict === 1 && said.sent.length === 1) assert.deepEqual(said.sent[0]!.packet, packetView(p));
    // a connection for one packet is gone when it can be looked for
    const told = said.steps.flatMap((s) => (s.step === 'connection-made' ? [s.connection] : []));
    const made = this.made.splice(0).flatMap((c) => (conns.isUsed(c) ? [connRow(this.net.ipvs, c)] : []));
    assert.deepEqual(
      told.length === made.length ? told : told.filter(({ protocol }) => protocol !== 'UDP'),
      made,
    );
    return said;
  }
}

function packetOf(bytes: Uint8Array, mark = 0): Packet {
  const p = new Packet(2048);
  p.load(bytes);
  p.mark = mark;
  p.ifindex = 2;
  return p;
}
