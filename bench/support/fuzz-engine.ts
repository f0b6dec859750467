/** An engine with services of every kind, for packets of every kind. */
import {
  CONN_F_DROUTE,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SVC_F_ONEPACKET,
  SVC_F_PERSISTENT,
  TUNNEL_ENCAP_FLAG_CSUM,
  TUNNEL_ENCAP_FLAG_REMCSUM,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
} from '../../src/engine/flags.js';
import type { Route } from '../../src/engine/host.js';
import { Net } from '../../src/engine/net.js';
import { fragment4, fragment6 } from '../../src/wire/fragment.js';
import { buildIcmpError } from '../../src/wire/icmp-error.js';
import { AF_INET, AF_INET6, parseInet } from '../../src/wire/inet.js';
import { ipv4Version } from '../../src/wire/ipv4.js';
import { Packet } from '../../src/wire/packet.js';
import { segmentTcp } from '../../src/wire/segment.js';
import { GUE_PORT, PORT } from './fuzz-seeds.js';
import { NullHost } from './null-host.js';
import type { Random } from './random.js';
import { addDest, addService } from './rules.js';

/** Sysctls that change the way of a packet, and the values to try. */
const SYSCTLS = [
  ['schedule_icmp', 2],
  ['sloppy_tcp', 2],
  ['pmtu_disc', 2],
  ['nat_icmp_send', 2],
  ['conn_reuse_mode', 4],
  ['expire_nodest_conn', 2],
  ['ignore_tunneled', 2],
  ['secure_tcp', 4],
  ['drop_packet', 4],
  ['drop_entry', 4],
] as const;

/** Sends on what it is given as a real host would, up to the device, and answers with real ICMP errors. */
class BusyHost extends NullHost {
  private readonly error = new Packet(2048);

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
}

const SOURCE4 = parseInet('10.1.0.1')!;
const SOURCE6 = parseInet('fd00:1::1')!;

/** The engine under test. */
export class EngineFuzzer {
  readonly net: Net;
  private readonly random: Random;
  private now = 0;

  constructor(random: Random) {
    this.random = random;
    const host = new BusyHost([
      '10.1.0.100',
      '10.2.0.1',
      'fd00:1::100',
      'fd00:2::1',
      '10.2.0.19',
      'fd00:2::19',
    ]);
    this.net = new Net({ host, random: () => random.next(), connLimit: 2000 });
    for (const protocol of [IPPROTO_TCP, IPPROTO_UDP]) {
      this.addServices(protocol, '10.1.0.100', '10.2.0.', 'fd00:2::');
      this.addServices(protocol, 'fd00:1::100', 'fd00:2::', '10.2.0.');
    }
  }

  /** Hands `p` to the engine at a random hook. @throws when the engine does, or gives a verdict that there is not. */
  run(p: Packet): void {
    const { random, net } = this;
    const verdict = net.receive(p, 1 + random.below(3));
    if (verdict !== 0 && verdict !== 1 && verdict !== 2) throw new Error(`verdict ${verdict}`);
    if (random.oneIn(256)) this.wait(random.below(2000));
    if (random.oneIn(4096)) {
      const [name, values] = random.pick(SYSCTLS);
      net.ipvs.sysctls.set(name, String(random.below(values)));
    }
  }

  private wait(ms: number): void {
    this.now += ms;
    this.net.advance(this.now);
  }

  /** Lets every connection end. @throws when something is left that should have gone with them. */
  finish(): void {
    const { net } = this;
    for (let hour = 0; hour < 3; hour++) this.wait(3_600_000);
    if (net.ipvs.conns.count !== 0) throw new Error(`${net.ipvs.conns.count} connections never end`);
    for (const dest of net.ipvs.dests) {
      if (dest === null) continue;
      const left = [dest.activeconns, dest.totalconns, dest.persistconns, dest.refcnt];
      if (left[0] !== 0 || left[1] !== 0 || left[2] !== 0)
        throw new Error(`counts of a dest without connections: ${left}`);
    }
  }

  /** What an administrator does while packets flow: a server goes, comes back, or is to take no more connections. */
  private disturb(): void {
    const { random, net } = this;
    const [name, values] = random.pick(SYSCTLS);
    net.ipvs.sysctls.set(name, String(random.below(values)));
    const rule = random.pick(this.rules);
    if (rule.present && random.oneIn(2)) {
      net.ipvs.editDest(rule.service, { ...rule.dest, weight: random.below(3), uThreshold: random.below(2) * 20 });
    } else if (rule.present) net.ipvs.delDest(rule.service, rule.dest);
    else net.ipvs.addDest(rule.service, rule.dest);
    rule.present = net.ipvs.findService(rule.service)!.destinations.some((d) => d.addr === rule.dest.addr);
  }
