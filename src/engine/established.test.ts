/** The short way gives what the general way gives: the same packets through two directors, one with it and one without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checksum, ipv4SetChecksum, pseudoSum4 } from '../wire/checksum.js';
import { AF_INET, type InetAddr, inet4, inetToString } from '../wire/inet.js';
import { CHECKSUM_PARTIAL, Packet } from '../wire/packet.js';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TUNNEL } from './flags.js';
import type { Host, Route, SyncReceiver, SyncSender } from './host.js';
import { Net } from './net.js';

const VIP = 0x0a01_0064;
const SERVERS = [0x0a02_000b, 0x0a02_000c, 0x0a02_000d];
const METHODS = [CONN_F_MASQ, CONN_F_DROUTE, CONN_F_TUNNEL];
const TCP = 6;
const UDP = 17;

/** Writes down all that leaves. */
class Recorder implements Host {
  readonly routeGeneration = 1;
  readonly unprivilegedPortStart = 1024;
  readonly log: string[] = [];
  route(daddr: InetAddr): Route {
    const source = inet4(0x0a02_0001);
    return { local: false, ifindex: 3, mtu: 576, mtuLearnt: false, source, nextHop: daddr };
  }
  addrType(): 'unicast' {
    return 'unicast';
  }
  isLocal(_family: number, words: Int32Array, at: number): boolean {
    return words[at] === VIP;
  }
  transmit(p: Packet, route: Route): void {
    this.log.push(`to ${inetToString(route.nextHop)} ${p.ipSummed} ${p.ignoreDf} ${hex(p)}`);
  }
  icmpSend(p: Packet, type: number, code: number, info: number): void {
    this.log.push(`icmp ${type}/${code} ${info} ${hex(p)}`);
  }
  updatePmtu(): void {}
  availablePages(): number {
    return 1e6;
  }
  interfaceMtu(): undefined {
    return undefined;
  }
  openSyncSender(): SyncSender {
    return { send: () => true, close: () => {} };
  }
  openSyncReceiver(): SyncReceiver {
    return { close: () => {} };
  }
}

function hex(p: Packet): string {
  return Buffer.from(p.payload()).toString('hex');
}

function director(shortWay: boolean): { net: Net; host: Recorder } {
  const host = new Recorder();
  const net = new Net({ host, random: () => 42, connLimit: 512 });
  net.ipvs.shortWay = shortWay;
  for (const protocol of [TCP, UDP]) {
    METHODS.forEach((method, i) => {
      const id = { family: AF_INET, protocol, addr: inet4(VIP), port: 80 + i, fwmark: 0 } as const;
      net.ipvs.addService({ ...id, schedName: 'rr', peName: '', flags: 0, timeout: 0, netmask: -1 });
      for (const server of SERVERS) {
        const port = method === CONN_F_MASQ ? 8080 : id.port;
        net.ipvs.addDest(id, {
          addr: inet4(server),
          port,
          connFlags: method,
          weight: 1,
          uThreshold: 0,
          lThreshold: 0,
          tunType: 0,
          tunPort: 0,
          tunFlags: 0,
        });
      }
    });
  }
  return { net, host };
}

interface Step {
  readonly protocol: number;
  readonly fromServer: boolean;
  readonly client: number;
  readonly server: number;
  readonly service: number;
  readonly flags: number;
  readonly ttl: number;
  readonly length: number;
  readonly checksum: 'right' | 'none' | 'partial' | 'wrong';
  readonly df: boolean;
  readonly wait: number;
}

function build(p: Packet, s: Step): void {
  const header = s.protocol === TCP ? 20 : 8;
  const total = 20 + header + s.length;
  p.load(new Uint8Array(total));
  const v = p.view;
  const at = p.data;
  const [source, target] = s.fromServer
    ? [SERVERS[s.server]!, 0x0a01_000a + s.client]
    : [0x0a01_000a + s.client, VIP];
  v.setUint16(at, 0x4500);
  v.setUint16(at + 2, total);
  v.setUint16(at + 6, s.df ? 0x4000 : 0);
  v.setUint8(at + 8, s.ttl);
  v.setUint8(at + 9, s.protocol);
  v.setInt32(at + 12, source);
  v.setInt32(at + 16, target);
  ipv4SetChecksum(v, at, 20);
  const clientPort = 4000 + s.client;
  v.setUint16(at + 20, s.fromServer ? (s.service === 0 ? 8080 : 80 + s.service) : clientPort);
  v.setUint16(at + 22, s.fromServer ? clientPort : 80 + s.service);
  const field = at + 20 + (s.protocol === TCP ? 16 : 6);
  if (s.protocol === TCP) v.setUint16(at + 32, 0x5000 | s.flags);
  else v.setUint16(at + 24, total - 20);
  const sum = pseudoSum4(v, at, s.protocol, total - 20);
  if (s.checksum === 'partial') {
    p.ipSummed = CHECKSUM_PARTIAL;
    p.csumStart = 20;
    p.csumOffset = field - at - 20;
    v.setUint16(field, ~checksum(v, at, 0, sum) & 0xffff);
  } else if (s.checksum !== 'none') {
    v.setUint16(field, checksum(v, at + 20, total - 20, sum) ^ (s.checksum === 'wrong' ? 0x1111 : 0));
  }
  p.ifindex = 2;
}

const stepArb: fc.Arbitrary<Step> = fc.record({
  protocol: fc.constantFrom(TCP, UDP),
  fromServer: fc.boolean(),
  client: fc.integer({ min: 0, max: 3 }),
  server: fc.integer({ min: 0, max: 2 }),
  service: fc.integer({ min: 0, max: 2 }),
  flags: fc.constantFrom(2, 0x12, 0x10, 0x10, 0x18, 0x11, 4, 0x14, 0),
  ttl: fc.constantFrom(1, 2, 64, 255),
  length: fc.constantFrom(0, 1, 20, 700),
  checksum: fc.constantFrom('right', 'right', 'right', 'none', 'partial', 'wrong'),
  df: fc.boolean(),
  wait: fc.constantFrom(0, 0, 10, 3000),
});

test('packets, verdicts, states, counters and timers are equal', () => {
  let short = 0;
  fc.assert(
    fc.property(fc.array(stepArb, { minLength: 20, maxLength: 120 }), (steps) => {
      const [a, b] = [director(true), director(false)];
      const p = new Packet(2048);
      let now = 0;
      for (const step of steps) {
        now += step.wait;
        for (const { net, host } of [a, b]) {
          net.advance(now);
          build(p, step);
          const verdict = net.receive(p, step.fromServer ? 2 : 1);
          host.log.push(`${verdict} ${p.ipvsProperty} ${verdict === 1 ? hex(p) : ''}`);
        }
      }
      assert.deepEqual(a.host.log, b.host.log);
      assert.deepEqual(a.net.ipvs.listConns(0, 1000), b.net.ipvs.listConns(0, 1000));
      now += 2500;
      a.net.advance(now);
      b.net.advance(now);
      assert.equal(a.net.ipvs.proc('ip_vs'), b.net.ipvs.proc('ip_vs'));
      assert.equal(a.net.ipvs.proc('ip_vs_stats'), b.net.ipvs.proc('ip_vs_stats'));
      short += a.net.ipvs.totStats.inpkts;
    }),
    { numRuns: 150 },
  );
  assert.ok(short > 1000, 'the steps make connections');
});
