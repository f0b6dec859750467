/** What programs send where on their own: by BPF_PROG_TEST_RUN, while neighbours come, change and go. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FlowCache } from '../../src/datapath/fast/flow-cache.js';
import { Lease } from '../../src/datapath/fast/lease.js';
import { type FastMaps, loadProgram, openMaps } from '../../src/datapath/fast/maps.js';
import { type NextHop, type NextHopHost, NextHops } from '../../src/datapath/fast/next-hops.js';
import { LEASE, LINK } from '../../src/ebpf/programs/flow-maps.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { xdpProgram } from '../../src/ebpf/programs/xdp.js';
import type { BpfProgram } from '../../src/linux/bpf-program.js';
import { NUD_NOARP, NUD_REACHABLE, NUD_STALE } from '../../src/linux/rt-neighbour.js';
import { type InetAddr, inetToString } from '../../src/wire/inet.js';
import { concat, hex } from '../support/bytes.js';
import { ACK, TCP, tcp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS, VectorDirector } from './director.js';
import { Routes } from './routes.js';

const PASS = 2;
const REDIRECT = 4;
const TC_REDIRECT = 7;
const CLIENT = '10.9.0.1';
const OURS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const SERVER = Uint8Array.of(2, 0, 0, 0, 0, 0x11);
const OTHER = Uint8Array.of(2, 0, 0, 0, 0, 0x22);

/** The kernel's table of neighbours. */
class Neighbours implements NextHopHost {
  now = 0;
  neighbourGeneration = 0;
  readonly entries = new Map<string, { -readonly [K in keyof NextHop]: NextHop[K] }>();
  readonly ours = new Map([[1, OURS]]);

  neighbour(_: number, address: InetAddr): NextHop {
    const key = inetToString(address);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { hardware: undefined, state: 0, since: this.now, stale: false, used: false };
      this.entries.set(key, entry);
    }
    return entry;
  }

  hardwareAddress(ifindex: number): Uint8Array | undefined {
    return this.ours.get(ifindex);
  }
}

describe('next hops', rootOnly(), () => {
  const nat = KINDS.find(({ name }) => name === 'nat4')!;
  let director: VectorDirector;
  let neighbours: Neighbours;
  let maps: FastMaps;
  let program: BpfProgram;
  let tc: BpfProgram;
  let lease: Lease;
  let cache: FlowCache;
  let sends: boolean;
  let connection: number;

  beforeEach(() => {
    director = new VectorDirector();
    neighbours = new Neighbours();
    sends = true;
    maps = openMaps({ flows: 1024, ways: 512 });
    program = loadProgram('xdp', xdpProgram(), maps);
    tc = loadProgram('tc', tcProgram(), maps);
    lease = new Lease(maps.lease);
    lease.extend();
    maps.links.key.setUint32(0, 1, true);
    LINK.write(maps.links.value, 0, { address: new Uint8Array(6), active: 1 });
    maps.links.update();
    cache = new FlowCache(director.net.ipvs, new Routes(), maps, new NextHops(neighbours, () => sends));
    director.net.ipvs.fastPath = cache;
    cache.refresh();
    connection = director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
  });
  afterEach(() => {
    program.close();
    tc.close();
    for (const map of Object.values(maps)) map.close();
  });

  /** A packet of the client. */
  const asked = (): Uint8Array =>
    concat(
      new Uint8Array(12),
      Uint8Array.of(8, 0),
      tcp(CLIENT, 1000, nat.vip, nat.port, ACK, { data: new Uint8Array(10) }),
    );
  /** Whom tc sends it to by itself: a hardware address; or nobody, since it leaves that to the kernel. */
  const receiverOfTc = (): string | undefined => {
    const { verdict, packet } = tc.test(asked());
    assert.equal(verdict, TC_REDIRECT);
    const [to, from] = [hex(packet.subarray(0, 6)), hex(packet.subarray(6, 12))];
    if (to === hex(new Uint8Array(6))) return undefined;
    assert.equal(from, hex(neighbours.ours.get(1)!));
    return to;
  };
  /** Who gets a packet of the client by XDP, and what it leaves to tc by tc. */
  const receiver = (): string | undefined => {
    const to = receiverOfXdp();
    assert.equal(receiverOfTc(), to);
    return to;
  };
  /** Who gets it by XDP: a hardware address; or nobody, since tc has it. */
  const receiverOfXdp = (): string | undefined => {
    const frame = asked();
    const { verdict, packet: sent } = program.test(frame);
    assert.ok(verdict === PASS || verdict === REDIRECT);
    if (verdict === PASS) assert.equal(hex(sent), hex(frame));
    else assert.equal(hex(sent.subarray(6, 12)), hex(neighbours.ours.get(1)!));
    return verdict === PASS ? undefined : hex(sent.subarray(0, 6));
  };
  /** The kernel tells of the server's entry. */
  const learn = (hardware: Uint8Array | undefined, state = NUD_REACHABLE): void => {
    const entry = neighbours.entries.get(nat.server)!;
    Object.assign(entry, { hardware, state, since: neighbours.now });
    cache.ways.resolve();
  };

  test('are sent to when they are known, and as they are now', () => {
    // it has been asked for, since a flow goes there
    assert.ok(neighbours.entries.get(nat.server)!.used);
    assert.equal(receiver(), undefined);
    learn(SERVER);
    assert.equal(receiver(), hex(SERVER));
    learn(OTHER);
    assert.equal(receiver(), hex(OTHER));
    learn(undefined, 0);
    assert.equal(receiver(), undefined);
  });

  test('are kept in use while flows lead there, and no longer', () => {
    learn(SERVER);
    const entry = neighbours.entries.get(nat.server)!;
    entry.used = false;
    cache.ways.resolve();
    assert.ok(entry.used);
    cache.withdraw(connection);
    entry.used = false;
    cache.ways.resolve();
    assert.ok(!entry.used);
    // nobody has told of a change meanwhile: the address is not to be relied on
    Object.assign(entry, { stale: true, hardware: SERVER });
    neighbours.entries.delete(nat.server);
    director.receive(tcp(CLIENT, 1000, nat.vip, nat.port, ACK), false);
    cache.flush();
    assert.equal(receiver(), undefined);
    learn(OTHER);
    assert.equal(receiver(), hex(OTHER));
  });

  test('that nobody confirms are left to tc', () => {
    learn(SERVER, NUD_STALE);
    neighbours.now += 10_000;
    cache.ways.resolve();
    assert.equal(receiver(), hex(SERVER));
    neighbours.now += 1;
    cache.ways.resolve();
    assert.equal(receiver(), undefined);
    learn(SERVER);
    assert.equal(receiver(), hex(SERVER));
  });

  test('get frames from the address that our interface has now', () => {
    learn(SERVER);
    neighbours.ours.set(1, Uint8Array.of(2, 0, 0, 0, 0, 9));
    cache.ways.resolve();
    assert.equal(receiver(), hex(SERVER));
    neighbours.ours.delete(1);
    cache.ways.resolve();
    assert.equal(receiver(), undefined);
  });

  test('behind a driver that cannot send are left to tc', () => {
    learn(SERVER);
    sends = false;
    cache.ways.resolve();
    assert.equal(receiverOfXdp(), undefined);
    // tc can do with a little less
    assert.equal(receiverOfTc(), hex(SERVER));
    sends = true;
    cache.ways.resolve();
    assert.equal(receiver(), hex(SERVER));
  });

  test('that need no resolution are left to the kernel', () => {
    learn(SERVER, NUD_NOARP);
    assert.equal(receiver(), undefined);
  });

  test('are left to the kernel by tc when nobody says any more that they are right', () => {
    learn(SERVER);
    lease.end();
    assert.equal(receiverOfTc(), undefined);
    lease.extend();
    assert.equal(receiverOfTc(), hex(SERVER));
    const now = Number(process.hrtime.bigint());
    maps.lease.lookup();
    const until = LEASE.fields.until.get(maps.lease.value, 0);
    assert.ok(until > now && until < now + 10e9, `${until - now} ns`);
  });

  test('of clients are followed for tc as far as a table of neighbours goes, for XDP all', () => {
    sends = false;
    for (let i = 2; i < 300; i++) director.connect(nat, TCP, `10.9.${i >> 8}.${i & 255}`, 1000);
    cache.flush();
    const ofClients = (): number => {
      for (const entry of neighbours.entries.values()) entry.used = false;
      cache.ways.resolve();
      const used = [...neighbours.entries].filter(([, { used }]) => used);
      return used.filter(([address]) => address.startsWith('10.9.')).length;
    };
    assert.equal(ofClients(), 256);
    sends = true;
    assert.equal(ofClients(), 299);
    // servers are always followed
    assert.ok(neighbours.entries.get(nat.server)!.used);
  });
});
