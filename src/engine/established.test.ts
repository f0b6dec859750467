/** The short way gives what the general way gives: the same packets through two directors, one with it and one without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NullHost } from '../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../bench/support/rules.js';
import { makePartial } from '../../test/support/packet-of.js';
import { TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { IpvsError } from '../errors.js';
import { AF_INET6, type InetAddr, inetToString, parseInet } from '../wire/inet.js';
import { Packet } from '../wire/packet.js';
import { HOT_SHIFT } from './conn-layout.js';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TUNNEL, SVC_F_PERSISTENT } from './flags.js';
import type { Route } from './host.js';
import { Net } from './net.js';
import type { NetnsIpvs } from './netns-ipvs.js';

const METHODS = [CONN_F_MASQ, CONN_F_DROUTE, CONN_F_TUNNEL];
const FAMILIES = [
  { name: 'IPv4', client: '10.1.0.1', vip: '10.1.0.100', server: '10.2.0.1', own: '10.2.0.254', header: 20 },
  {
    name: 'IPv6',
    client: 'fd00:1::b:1',
    vip: 'fd00:1::a:100',
    server: 'fd00:2:7::1',
    own: 'fd00:2::9',
    header: 40,
  },
] as const;
type Plan = (typeof FAMILIES)[number];
/** Too small for the longest packets. */
const MTU = { 4: 576, 6: 1300 };

/** Writes down all that leaves. */
class Recorder extends NullHost {
  readonly log: string[] = [];
  readonly #source: InetAddr;
  constructor(plan: Plan) {
    super([plan.vip]);
    this.#source = parseInet(plan.own)!;
  }
  override route(daddr: InetAddr): Route {
    const mtu = daddr.family === AF_INET6 ? MTU[6] : MTU[4];
    const local = this.isLocal(daddr.family, daddr.words, 0);
    return { local, ifindex: 3, mtu, mtuLearnt: false, source: this.#source, nextHop: daddr };
  }
  override transmit(p: Packet, route: Route): void {
    this.log.push(`to ${inetToString(route.nextHop)} ${p.ipSummed} ${p.ignoreDf} ${hex(p)}`);
  }
  override icmpSend(p: Packet, type: number, code: number, info: number): void {
    this.log.push(`icmp ${type}/${code} ${info} ${hex(p)}`);
  }
}

function hex(p: Packet): string {
  return Buffer.from(p.payload()).toString('hex');
}

/** `base` with its last number greater by `n`. */
function nth(base: string, n: number): string {
  return base.replace(/\d+$/, (last) => String(Number(last) + n));
}

/** Real server `n`; the last is the director itself. */
function serverAddress(plan: Plan, n: number): string {
  return n === 3 ? plan.vip : nth(plan.server, n);
}

function director(plan: Plan, shortWay: boolean): { net: Net; host: Recorder } {
  const host = new Recorder(plan);
  const net = new Net({ host, random: () => 42, connLimit: 512 });
  net.ipvs.shortWay = shortWay;
  for (const protocol of [TCP, UDP]) {
    METHODS.forEach((method, i) => {
      // connections by NAT have a template, so that it can be seen whether they assure it
      const flags = method === CONN_F_MASQ ? SVC_F_PERSISTENT : 0;
      const service = serviceUser(protocol, plan.vip, 80 + i, { flags, timeout: 1000 });
      net.ipvs.addService(service);
      for (let n = 0; n < 4; n++)
        net.ipvs.addDest(service, destUser(serverAddress(plan, n), serverPort(i), method));
    });
  }
  // connections are tracked where there is a service for FTP
  const ftp = serviceUser(TCP, plan.vip, 21);
  net.ipvs.addService(ftp);
  net.ipvs.addDest(ftp, destUser(serverAddress(plan, 0), 21, CONN_F_MASQ));
  return { net, host };
}

/** Changes the rules. What cannot be done is an error, and that is as good. */
function command(plan: Plan, ipvs: NetnsIpvs, s: Step): void {
  const service = serviceUser(s.protocol, plan.vip, 80 + s.service);
  const dest = (method: number) =>
    destUser(serverAddress(plan, s.server), serverPort(s.service), method, {
      weight: s.client === 1 ? 0 : 1,
    });
  try {
    if (s.command === 'remove') ipvs.delDest(service, dest(0));
    else if (s.command === 'add') ipvs.addDest(service, dest(METHODS[s.service]!));
    else if (s.command === 'edit') ipvs.editDest(service, dest(METHODS[s.client === 4 ? 0 : s.server % 3]!));
    else if (s.command === 'track') ipvs.sysctls.set('conntrack', s.client === 0 ? '0' : '1');
  } catch (error) {
    assert.ok(error instanceof IpvsError);
  }
}

/** By NAT the servers listen on another port than the service. */
function serverPort(service: number): number {
  return service === 0 ? 8080 : 80 + service;
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
  readonly fragMaxSize: number;
  readonly wait: number;
  /** What is done before. */
  readonly command: string;
  readonly hook: number;
}

function build(plan: Plan, s: Step): (p: Packet) => void {
  const { protocol, flags, ttl, df } = s;
  const client = [nth(plan.client, s.client), 4000 + s.client] as const;
  const [from, to] = s.fromServer
    ? [[serverAddress(plan, s.server), serverPort(s.service)] as const, client]
    : [client, [plan.vip, 80 + s.service] as const];
  const data = new Uint8Array(s.length).fill(0x5a);
  const options = { ttl, df, data, badChecksum: s.checksum === 'wrong', noChecksum: s.checksum === 'none' };
  const bytes = protocol === TCP ? tcp(...from, ...to, flags, options) : udp(...from, ...to, options);
  return (p) => {
    p.load(bytes);
    p.ifindex = 2;
    p.fragMaxSize = s.fragMaxSize;
    if (s.checksum === 'partial')
      makePartial(p, from[0], to[0], protocol, plan.header, protocol === TCP ? 16 : 6);
  };
}

const STEP: Step = {
  protocol: TCP,
  fromServer: false,
  client: 0,
  server: 0,
  service: 0,
  flags: 2,
  ttl: 64,
  length: 0,
  checksum: 'right',
  df: false,
  fragMaxSize: 0,
  wait: 0,
  command: '',
  hook: 1,
};

const stepArb: fc.Arbitrary<Step> = fc.record({
  protocol: fc.constantFrom(TCP, TCP, UDP),
  fromServer: fc.boolean(),
  client: fc.integer({ min: 0, max: 1 }),
  server: fc.integer({ min: 0, max: 3 }),
  service: fc.integer({ min: 0, max: 2 }),
  flags: fc.constantFrom(2, 2, 2, 0x12, 0x10, 0x10, 0x11, 4, 4, 0),
  ttl: fc.constantFrom(1, 2, 64, 64, 64, 255),
  length: fc.constantFrom(0, 1, 20, 700, 1400),
  checksum: fc.constantFrom('right', 'right', 'right', 'none', 'partial', 'wrong'),
  df: fc.boolean(),
  fragMaxSize: fc.constantFrom(0, 0, 0, 1280, 1400),
  wait: fc.constantFrom(0, 0, 10, 10, 3000),
  command: fc.oneof(
    { weight: 5, arbitrary: fc.constant('') },
    fc.constantFrom('remove', 'add', 'edit', 'track'),
  ),
  hook: fc.constantFrom(1, 1, 1, 1, 2, 3),
});

/** All that is known of every connection. */
function records(net: Net): Int32Array {
  const { hot, highWater } = net.ipvs.conns;
  return hot.slice(0, highWater << HOT_SHIFT);
}

/** Plays the same packets through both ways. @returns the two directors. */
function play(plan: Plan, steps: readonly Step[]): readonly [short: Net, general: Net] {
  const [a, b] = [director(plan, true), director(plan, false)];
  const p = new Packet(2048);
  let now = 0;
  for (const step of steps) {
    now += step.wait;
    const load = build(plan, step);
    for (const { net, host } of [a, b]) {
      net.advance(now);
      command(plan, net.ipvs, step);
      load(p);
      const verdict = net.receive(p, step.fromServer ? 2 : step.hook);
      host.log.push(`${verdict} ${p.ipvsProperty} ${p.ipSummed} ${verdict === 1 ? hex(p) : ''}`);
    }
  }
  assert.deepEqual(a.host.log, b.host.log);
  return [a.net, b.net];
}

for (const plan of FAMILIES) {
  test(`${plan.name}: packets, verdicts, states, counters and timers are equal`, () => {
    let counted = 0;
    fc.assert(
      fc.property(fc.array(stepArb, { minLength: 50, maxLength: 200 }), (steps) => {
        const [a, b] = play(plan, steps);
        assert.deepEqual(records(a), records(b));
        assert.deepEqual(a.ipvs.listConns(0, 1000), b.ipvs.listConns(0, 1000));
        assert.deepEqual(a.ipvs.conntracks, b.ipvs.conntracks);
        const stats = ({ ipvs }: Net) => ipvs.dests.map((dest) => [dest?.stats, dest?.svc?.stats]);
        assert.deepEqual(stats(a), stats(b));
        for (const net of [a, b]) net.advance(2500 + (net.jiffies * 1000) / net.hz);
        assert.equal(a.ipvs.proc('ip_vs'), b.ipvs.proc('ip_vs'));
        assert.equal(a.ipvs.proc('ip_vs_stats'), b.ipvs.proc('ip_vs_stats'));
        counted += a.ipvs.totStats.inpkts;
      }),
      { numRuns: 300 },
    );
    assert.ok(counted > 1000, 'the steps make connections');
  });

  test(`${plan.name}: equal when connections of two methods share a dest and its route`, () => {
    const udp = { ...STEP, protocol: UDP, service: 1 };
    // all four servers have a connection by direct routing; then they are edited, and others come by NAT
    const first = [0, 1, 2, 3].map((client) => ({ ...udp, client }));
    const edits = [0, 1, 2].map((server) => ({ ...udp, server, client: 4, command: 'edit' }));
    const second = [5, 6, 7, 8].map((client) => ({ ...udp, client }));
    play(plan, [...first, ...edits, ...second, ...first, ...second]);
  });

  test(`${plan.name}: equal when connections are tracked`, () => {
    const track = { ...STEP, command: 'track', client: 1 };
    const other = { ...STEP, flags: 0x10, length: 20 };
    const reply = { ...other, fromServer: true, wait: 1000 };
    const replies = [0, 1, 2].map((server) => ({ ...reply, server, flags: 0x12 }));
    const [a, b] = play(plan, [
      track,
      { ...STEP },
      ...replies,
      other,
      ...replies,
      other,
      { ...other, flags: 4 },
    ]);
    assert.ok(b.ipvs.conntracks.live(b.jiffies).length > 0);
    assert.deepEqual(a.ipvs.conntracks, b.ipvs.conntracks);
  });
}
