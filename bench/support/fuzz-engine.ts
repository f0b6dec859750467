/** An engine with services of every kind, for packets of every kind. */
import type { DestUser } from '../../src/engine/dest.js';
import type { Route } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import type { ServiceUser } from '../../src/engine/service.js';
import { fragment4, fragment6 } from '../../src/wire/fragment.js';
import { buildIcmpError } from '../../src/wire/icmp-error.js';
import { type InetAddr, parseInet } from '../../src/wire/inet.js';
import { ipv4Version } from '../../src/wire/ipv4.js';
import { Packet } from '../../src/wire/packet.js';
import { segmentTcp } from '../../src/wire/segment.js';
import { assertInvariants } from '../../test/support/invariants.js';
import { fuzzRules, LOCAL_ADDRESSES } from './fuzz-rules.js';
import { NullHost } from './null-host.js';
import type { Random } from './random.js';

/** Sysctls that change the way of a packet, and how many values they have. */
const SYSCTLS = [
  ['schedule_icmp', 2],
  ['sloppy_tcp', 2],
  ['pmtu_disc', 2],
  ['nat_icmp_send', 2],
  ['cache_bypass', 2],
  ['conn_reuse_mode', 4],
  ['expire_nodest_conn', 2],
  ['expire_quiescent_template', 2],
  ['ignore_tunneled', 2],
  ['secure_tcp', 4],
  ['drop_packet', 4],
  ['drop_entry', 4],
  ['debug_level', 13],
] as const;

const SOURCE4 = parseInet('10.1.0.1')!;
const SOURCE6 = parseInet('fd00:1::1')!;

/** Sends on what it is given as a real host would, up to the device, and answers with real ICMP errors. */
class BusyHost extends NullHost {
  private readonly error = new Packet(2048);

  debug(): void {}

  override transmit(packet: Packet, route: Route): void {
    super.transmit(packet, route);
    if (packet.data < 0 || packet.data + packet.len > packet.bytes.length)
      throw new Error('a packet outside its buffer');
    segmentTcp(packet, (p) => {
      if (p.len <= route.mtu && p.fragMaxSize === 0) return;
      if (ipv4Version(p.view, p.data) === 4) fragment4(p, route.mtu, () => {});
      else fragment6(p, route.mtu, 1, () => {});
    });
  }

  override icmpSend(packet: Packet, type: number, code: number, info: number): void {
    super.icmpSend(packet, type, code, info);
    const v4 = packet.len > 0 && ipv4Version(packet.view, packet.data) === 4;
    buildIcmpError(this.error, packet, type, code, info, v4 ? SOURCE4 : SOURCE6);
  }

  /** There is no way to 10.0.0.0/16. */
  override route(daddr: InetAddr): Route | undefined {
    return daddr.words[0]! >>> 16 === 0x0a00 ? undefined : super.route(daddr);
  }
}

/** The engine under test. */
export class EngineFuzzer {
  readonly net: Net;
  readonly host = new BusyHost(LOCAL_ADDRESSES);
  private readonly random: Random;
  private readonly servers: { readonly service: ServiceUser; readonly dest: DestUser; present: boolean }[] =
    [];
  private now = 0;

  constructor(random: Random) {
    this.random = random;
    this.net = new Net({ host: this.host, random: () => random.next(), connLimit: 2000 });
    for (const { service, dests } of fuzzRules()) {
      this.net.ipvs.addService(service);
      for (const dest of dests) {
        this.net.ipvs.addDest(service, dest);
        this.servers.push({ service, dest, present: true });
      }
    }
  }

  /** Hands `p` to the engine at a random hook. @throws when the engine does, gives a verdict that there is not, or is left in disorder. */
  run(p: Packet): void {
    const { random, net } = this;
    const verdict = net.receive(p, 1 + random.below(3));
    if (verdict !== 0 && verdict !== 1 && verdict !== 2) throw new Error(`verdict ${verdict}`);
    if (random.oneIn(256)) this.wait(random.below(2000));
    if (!random.oneIn(1024)) return;
    assertInvariants(net.ipvs);
    this.disturb();
    assertInvariants(net.ipvs);
  }

  /** Lets every connection end. @throws when something is left that should have gone with them. */
  finish(): void {
    const { ipvs } = this.net;
    // what these schedulers remember, they would remember for a day
    for (const name of ['lblc_expiration', 'lblcr_expiration']) ipvs.sysctls.set(name, '60');
    this.wait(3 * 3_600_000);
    if (ipvs.conns.count !== 0) throw new Error(`${ipvs.conns.count} connections never end`);
    if (ipvs.destTrash.size !== 0) throw new Error(`${ipvs.destTrash.size} removed servers stay`);
    for (const { service } of this.servers) {
      for (const dest of ipvs.findService(service)!.destinations) {
        const { activeconns, totalconns, persistconns } = dest;
        if (activeconns === 0 && totalconns === 0 && persistconns === 0) continue;
        throw new Error(
          `counts of a server without connections: ${activeconns} ${totalconns} ${persistconns}`,
        );
      }
    }
  }

  private wait(ms: number): void {
    this.now += ms;
    this.net.advance(this.now);
  }

  /** What an administrator does while packets flow: a server goes, comes back, or is to take fewer connections. */
  private disturb(): void {
    const { random, net } = this;
    const [name, values] = random.pick(SYSCTLS);
    net.ipvs.sysctls.set(name, String(random.below(values)));
    const server = random.pick(this.servers);
    const { service, dest } = server;
    if (server.present && random.oneIn(2)) {
      net.ipvs.editDest(service, { ...dest, weight: random.below(3), uThreshold: random.below(2) * 20 });
      return;
    }
    if (server.present) net.ipvs.delDest(service, dest);
    else net.ipvs.addDest(service, dest);
    server.present = !server.present;
  }
}
