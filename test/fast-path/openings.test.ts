/** Connections that the tc program opens by itself: the same servers get them, in the same turn, and all is counted as if the engine had opened them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { C_DADDR, NO_CONN } from '../../src/engine/conn-table.js';
import type { DestUser } from '../../src/engine/dest.js';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TUNNEL } from '../../src/engine/flags.js';
import type { Route } from '../../src/engine/host.js';
import type { ServiceId } from '../../src/engine/service.js';
import { SYNC_STATE_BACKUP } from '../../src/engine/sync/daemon.js';
import { type KernelRoute, RTN_UNICAST } from '../../src/linux/rt-route.js';
import { AF_INET, type InetAddr, inetFromWords, inetToString, parseInet } from '../../src/wire/inet.js';
import { ACK, FIN, RST, SYN, TCP, tcp, UDP, udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { Routes } from './routes.js';
import { FastSide, Side } from './sides.js';

const VIP = { 4: '10.1.0.100', 6: '2001:db8:1::100' };
const PORT = 80;
const METHODS = { nat: CONN_F_MASQ, direct: CONN_F_DROUTE, tunnel: CONN_F_TUNNEL };
type Method = keyof typeof METHODS;

function idOf(version: 4 | 6, protocol: number): ServiceId {
  const addr = parseInet(VIP[version])!;
  return { family: addr.family, protocol, addr, port: PORT, fwmark: 0 };
}

function destOf(version: 4 | 6, number: number, method: Method, weight: number): DestUser {
  const address = version === 4 ? `10.2.0.${10 + number}` : `2001:db8:2::${10 + number}`;
  return {
    addr: parseInet(address)!,
    // NAT to the same and to other ports
    port: method === 'nat' && number % 2 === 1 ? 8080 : PORT,
    connFlags: METHODS[method],
    weight,
    uThreshold: 0,
    lThreshold: 0,
    tunType: 0,
    tunPort: 0,
    tunFlags: 0,
  };
}

interface Plan {
  readonly version: 4 | 6;
  readonly scheduler: 'rr' | 'wrr';
  readonly servers: readonly (readonly [Method, number])[];
}

/** The same services on a side. */
function setUp(side: Side, plans: readonly Plan[]): void {
  for (const { version, scheduler, servers } of plans) {
    for (const protocol of [TCP, UDP]) {
      const id = idOf(version, protocol);
      const netmask = version === 4 ? -1 : 128;
      side.ipvs.addService({ ...id, schedName: scheduler, peName: '', flags: 0, timeout: 0, netmask });
      for (const [i, [method, weight]] of servers.entries())
        side.ipvs.addDest(id, destOf(version, i, method, weight));
    }
  }
}

type Event =
  | {
      readonly what: 'client';
      readonly version: 4 | 6;
      readonly protocol: number;
      readonly client: number;
      readonly port: number;
      readonly flags: number;
    }
  | { readonly what: 'server'; readonly of: Event & { readonly what: 'client' }; readonly flags: number }
  | { readonly what: 'weight'; readonly version: 4 | 6; readonly server: number; readonly weight: number }
  | { readonly what: 'remove' | 'add'; readonly version: 4 | 6; readonly server: number }
  | { readonly what: 'turn' };

function clientAddress(version: 4 | 6, client: number): string {
  return version === 4 ? `10.9.0.${client}` : `2001:db8:9::${client}`;
}

/** The packet of an event as it would come; a server's only where it answers by NAT. */
function packetOf(event: Event, side: Side): readonly [packet: Uint8Array, fromServer: boolean] | undefined {
  if (event.what === 'client') {
    const { version, protocol, client, port, flags } = event;
    const ends = [clientAddress(version, client), port, VIP[version], PORT] as const;
    return [protocol === TCP ? tcp(...ends, flags) : udp(...ends), false];
  }
  if (event.what !== 'server') return undefined;
  const { version, protocol, client, port } = event.of;
  const { conns } = side.ipvs;
  const caddr = parseInet(clientAddress(version, client))!;
  const vaddr = parseInet(VIP[version])!;
  const { family } = caddr;
  const key = { family, protocol, caddr: caddr.words, cport: port, vaddr: vaddr.words, vport: PORT };
  const c = conns.findIn(key);
  if (c === NO_CONN) return undefined;
  const words = Int32Array.from({ length: 4 }, (_, i) => conns.addrWord(c, C_DADDR, i));
  const server = inetToString(inetFromWords(family, words));
  const ends = [server, conns.dport(c), inetToString(caddr), port] as const;
  return [protocol === TCP ? tcp(...ends, event.flags) : udp(...ends), true];
}

function command(side: Side, plans: readonly Plan[], event: Event): void {
  if (!('server' in event)) return;
  const { version, server } = event;
  const plan = plans.find((p) => p.version === version)!;
  const [method, weight] = plan.servers[server % plan.servers.length]!;
  const user = destOf(version, server % plan.servers.length, method, weight);
  for (const protocol of [TCP, UDP]) {
    const id = idOf(version, protocol);
    const svc = [...side.ipvs.services].find((s) => s.protocol === protocol && s.family === id.family)!;
    const there = svc.destinations.some((d) => inetToString(d.addr) === inetToString(user.addr));
    if (event.what === 'weight' && there) side.ipvs.editDest(id, { ...user, weight: event.weight });
    else if (event.what === 'remove' && there) side.ipvs.delDest(id, user);
    else if (event.what === 'add' && !there) side.ipvs.addDest(id, user);
  }
}

/** Who has which connection, in the order in which they were opened. */
function whoHasWhat({ ipvs: { conns } }: Side): string[] {
  const rows: string[] = [];
  for (let c = 0; c < conns.highWater; c++) {
    if (!conns.isUsed(c)) continue;
    const words = Array.from({ length: 4 }, (_, i) => conns.addrWord(c, C_DADDR, i));
    rows.push(`${conns.protocol(c)} ${conns.cport(c)} ${words} ${conns.dport(c)}`);
  }
  return rows;
}

const version = fc.constantFrom(4 as const, 6 as const);
const methods = fc.constantFrom<Method>('nat', 'nat', 'direct');
const plansArb = fc
  .tuple(
    fc.constantFrom('rr' as const, 'wrr' as const),
    fc.array(fc.tuple(methods, fc.integer({ min: 0, max: 4 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([scheduler, servers]): Plan[] => ([4, 6] as const).map((v) => ({ version: v, scheduler, servers })));
const clientArb = fc.record({
  what: fc.constant('client' as const),
  version,
  protocol: fc.constantFrom(TCP, TCP, UDP),
  client: fc.integer({ min: 1, max: 2 }),
  port: fc.integer({ min: 1000, max: 1012 }),
  flags: fc.constantFrom(SYN, SYN, SYN, ACK, ACK, FIN | ACK, RST),
});
const eventArb: fc.Arbitrary<Event> = fc.oneof(
  { weight: 30, arbitrary: clientArb },
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constant('server' as const),
      of: clientArb,
      flags: fc.constantFrom(SYN | ACK, ACK, FIN | ACK),
    }),
  },
  { weight: 5, arbitrary: fc.constant<Event>({ what: 'turn' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('weight' as const),
      version,
      server: fc.nat(3),
      weight: fc.nat(4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom('remove' as const, 'add' as const),
      version,
      server: fc.nat(3),
    }),
  },
);

/** All clients are behind one router, but for those of one network. */
class BehindRouter extends Routes {
  override route(daddr: InetAddr): Route {
    const far = inetToString(daddr).startsWith('10.9.');
    return { ...super.route(daddr)!, nextHop: far ? parseInet('10.3.0.1')! : daddr };
  }
  override plainRoutes(): readonly KernelRoute[] {
    const common = {
      family: AF_INET,
      type: RTN_UNICAST,
      table: 254,
      protocol: 4,
      ifindex: 1,
      mtu: 0,
    } as const;
    const to = (address: string, prefixLength: number, gateway?: InetAddr): KernelRoute => ({
      ...common,
      destination: parseInet(address)!,
      prefixLength,
      gateway,
      source: undefined,
    });
    return [to('10.9.0.0', 16, parseInet('10.3.0.1')!), to('10.9.7.0', 24)];
  }
}

describe('connections that the program opens', rootOnly(), () => {
  test('may be of clients that nobody has seen, when they are reached as others are', () => {
    const fast = new FastSide([], true, new BehindRouter());
    try {
      setUp(fast, [{ version: 4, scheduler: 'rr', servers: [['nat', 1]] }]);
      fast.refresh();
      const carries = (client: string, port: number): boolean => {
        const before = fast.carried;
        fast.packet(tcp(client, port, VIP[4], PORT, SYN), false);
        return fast.carried > before;
      };
      // the first shows that the service is in use, the second what way leads to the client
      assert.ok(!carries('10.9.0.1', 1000));
      fast.replay();
      assert.ok(!carries('10.9.0.1', 1001));
      assert.ok(carries('10.9.0.1', 1002));
      assert.ok(carries('10.9.255.2', 1000));
      assert.ok(!carries('10.9.7.2', 1000), 'a client of another route');
      assert.ok(!carries('10.8.0.2', 1000), 'a client of no route');
      assert.ok(carries('10.8.0.2', 1001));
      fast.replay();
      assert.equal(whoHasWhat(fast).length, 7);
      assert.equal(fast.cache.counters.opened, 3);
    } finally {
      fast.close();
    }
  });

  test('are none that a master has told of meanwhile', () => {
    const fast = new FastSide([], true);
    const datagram = (port: number): void => fast.packet(udp(clientAddress(4, 1), port, VIP[4], PORT), false);
    try {
      setUp(fast, [{ version: 4, scheduler: 'rr', servers: [['direct', 1]] }]);
      fast.refresh();
      datagram(1000);
      fast.replay();
      datagram(1001);
      assert.equal(fast.carried, 1);
      fast.ipvs.syncState = SYNC_STATE_BACKUP;
      fast.refresh();
      // one that nobody offers
      fast.ipvs.fastPath = null;
      fast.director.receive(udp(clientAddress(4, 1), 1002, VIP[4], PORT), false);
      fast.ipvs.fastPath = fast.cache;
      fast.ipvs.syncState = 0;
      fast.refresh();
      datagram(1002);
      assert.equal(fast.carried, 2);
      fast.replay();
      assert.equal(whoHasWhat(fast).length, 3);
      assert.equal(fast.cache.counters.opened, 1);
    } finally {
      fast.close();
    }
  });

  test('are those that the engine would have opened', () => {
    let opened = 0;
    fc.assert(
      fc.property(plansArb, fc.array(eventArb, { minLength: 40, maxLength: 120 }), (plans, events) => {
        const alone = new Side([]);
        const fast = new FastSide([], true);
        try {
          for (const side of [alone, fast]) setUp(side, plans);
          fast.refresh();
          for (const event of events) {
            const packet = packetOf(event, alone);
            for (const side of [alone, fast]) {
              if (packet !== undefined) side.packet(...packet);
              else {
                side.turn();
                command(side, plans, event);
              }
            }
            if (packet === undefined && event.what !== 'turn') fast.refresh();
          }
          assert.deepEqual(fast.seen(), alone.seen());
          assert.deepEqual(whoHasWhat(fast), whoHasWhat(alone));
          opened += fast.cache.counters.opened;
        } finally {
          fast.close();
        }
      }),
      { numRuns: 200 },
    );
    assert.ok(opened > 1000, `only ${opened} connections were opened by the program`);
  });
});
