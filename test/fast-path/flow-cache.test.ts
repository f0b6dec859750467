/** The cache of connections in the kernel's maps, with the tc program over it; packets go in by BPF_PROG_TEST_RUN. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FlowCache, noCounters } from '../../src/datapath/fast/flow-cache.js';
import { type FastMaps, loadProgram, openMaps } from '../../src/datapath/fast/maps.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { connDelete } from '../../src/engine/conn.js';
import { C_INPKTS, C_STATE, HOT_SHIFT } from '../../src/engine/conn-table.js';
import { TUNNEL_ENCAP_FLAG_CSUM, TUNNEL_TYPE_GRE, TUNNEL_TYPE_GUE } from '../../src/engine/flags.js';
import { processMessage } from '../../src/engine/sync/backup.js';
import { SYNC_STATE_BACKUP } from '../../src/engine/sync/daemon.js';
import { TCP_S_CLOSE_WAIT } from '../../src/engine/tcp-states.js';
import type { BpfProgram } from '../../src/linux/bpf-program.js';
import { AF_INET, parseInet } from '../../src/wire/inet.js';
import { concat } from '../support/bytes.js';
import { ACK, GRE, TCP, tcp, UDP } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { entryV1, messageV1 } from '../support/sync-messages.js';
import { KINDS, type Kind, VectorDirector } from './director.js';
import { Routes } from './routes.js';

const FLOWS = 20;
const CARRIED = 7;
const LEFT = -1;
const CLIENT = '10.9.0.1';

describe('the cache of connections', rootOnly(), () => {
  const nat = KINDS.find(({ name }) => name === 'nat4')!;
  const direct = KINDS.find(({ name }) => name === 'direct4')!;
  let director: VectorDirector;
  let routes: Routes;
  let maps: FastMaps;
  let program: BpfProgram;
  let cache: FlowCache;

  beforeEach(() => {
    director = new VectorDirector();
    routes = new Routes();
    maps = openMaps({ flows: FLOWS, ways: 8 });
    program = loadProgram('tc', tcProgram(), maps);
    cache = new FlowCache(director.net.ipvs, routes, maps);
    director.net.ipvs.fastPath = cache;
    cache.refresh();
  });
  afterEach(() => {
    program.close();
    for (const map of Object.values(maps)) map.close();
  });

  const packet = (kind: Kind, port: number): Uint8Array => tcp(CLIENT, port, kind.vip, kind.port, ACK);
  /** What the kernel does with a packet of the client. */
  const verdict = (kind: Kind, port: number): number =>
    program.test(concat(new Uint8Array(12), Uint8Array.of(8, 0), packet(kind, port))).verdict;
  const id = {
    family: AF_INET,
    protocol: TCP,
    addr: parseInet(nat.vip)!,
    port: nat.port,
    fwmark: 0,
  } as const;
  const dest = { addr: parseInet(nat.server)!, port: nat.serverPort };

  test('carries a connection when it is established, and no other', () => {
    director.connect(nat, TCP, CLIENT, 1000);
    assert.equal(verdict(nat, 1000), LEFT);
    cache.flush();
    assert.equal(verdict(nat, 1000), CARRIED);
    assert.equal(verdict(nat, 1001), LEFT);
    assert.deepEqual(cache.counters, { ...noCounters(), carried: 1, installed: 1 });
  });

  test('adds what it has carried to the connection, and to dest, service and all, once', () => {
    const c = director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
    const { ipvs } = director.net;
    const before = ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]!;
    const total = { ...ipvs.totStats };
    for (let i = 0; i < 5; i++) verdict(nat, 1000);
    for (let i = 0; i < 3; i++) {
      cache.settle(c);
      cache.fold();
    }
    assert.equal(ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]! - before, 5);
    assert.equal(ipvs.totStats.inpkts - total.inpkts, 5);
    assert.deepEqual([cache.counters.tcPackets, cache.counters.xdpPackets], [5, 0]);
    assert.equal(ipvs.totStats.inbytes - total.inbytes, 5 * 40);
    assert.equal(ipvs.findService(id)!.stats.inpkts, ipvs.totStats.inpkts);
    verdict(nat, 1000);
    cache.withdraw(c);
    assert.equal(ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]! - before, 6);
    assert.equal(verdict(nat, 1000), LEFT);
    assert.equal(cache.counters.carried, 0);
  });

  test('leaves to the slow path what a full map has no room for, and has room again when others end', () => {
    const all = Array.from({ length: FLOWS }, (_, i) => director.connect(direct, TCP, CLIENT, 1000 + i));
    cache.flush();
    assert.deepEqual(cache.counters, { ...noCounters(), carried: FLOWS, installed: FLOWS });
    // each has two flows
    for (let i = 0; i < 3; i++) director.connect(nat, TCP, CLIENT, 2000 + i);
    cache.flush();
    assert.deepEqual(cache.counters, { ...noCounters(), carried: FLOWS, installed: FLOWS + 3, mapFull: 3 });
    assert.equal(verdict(nat, 2000), LEFT);
    cache.withdraw(all[0]!);
    cache.withdraw(all[1]!);
    director.receive(packet(nat, 2000), false);
    cache.flush();
    assert.equal(verdict(nat, 2000), CARRIED);
    assert.equal(cache.counters.carried, FLOWS - 1);
  });

  test('sends nothing to a dest that was removed, and all again when it is back', () => {
    director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
    director.net.ipvs.delDest(id, dest);
    cache.refresh();
    assert.equal(verdict(nat, 1000), LEFT);
    const user = { ...dest, connFlags: nat.method, weight: 1, uThreshold: 0, lThreshold: 0 };
    director.net.ipvs.addDest(id, { ...user, tunType: 0, tunPort: 0, tunFlags: 0 });
    cache.refresh();
    assert.equal(verdict(nat, 1000), CARRIED);
  });

  test('follows routes: to dests at once, to clients with the next packet', () => {
    director.connect(nat, TCP, CLIENT, 1000);
    director.connect(direct, TCP, CLIENT, 1000);
    cache.flush();
    routes.routeGeneration++;
    routes.none.add(nat.server);
    cache.refresh();
    assert.deepEqual([verdict(nat, 1000), verdict(direct, 1000)], [LEFT, LEFT]);
    routes.routeGeneration++;
    routes.none.clear();
    cache.refresh();
    assert.deepEqual([verdict(nat, 1000), verdict(direct, 1000)], [CARRIED, CARRIED]);
    const answer = tcp(nat.server, nat.serverPort, CLIENT, 1000, ACK);
    const answered = (): number =>
      program.test(concat(new Uint8Array(12), Uint8Array.of(8, 0), answer)).verdict;
    // many clients share a way: it is closed, and the connection is offered anew
    assert.equal(answered(), LEFT);
    director.receive(answer, true);
    cache.flush();
    assert.equal(answered(), CARRIED);
  });

  test('takes another tunnel from the moment that its dest was edited', () => {
    const tunnel = KINDS.find(({ name }) => name === 'tunnel 4in4')!;
    director.connect(tunnel, TCP, CLIENT, 1000);
    cache.flush();
    const sent = (): Uint8Array =>
      program.test(concat(new Uint8Array(12), Uint8Array.of(8, 0), packet(tunnel, 1000))).packet.slice(14);
    const IPIP = 4;
    assert.deepEqual([sent()[9], sent().length], [IPIP, 60]);
    const service = { ...id, addr: parseInet(tunnel.vip)!, port: tunnel.port };
    const user = { addr: parseInet(tunnel.server)!, port: tunnel.serverPort, connFlags: tunnel.method };
    const edit = (tunType: number, tunFlags: number, tunPort: number) => {
      const limits = { weight: 1, uThreshold: 0, lThreshold: 0 };
      director.net.ipvs.editDest(service, { ...user, ...limits, tunType, tunFlags, tunPort });
      cache.refresh();
      return sent();
    };
    const gue = edit(TUNNEL_TYPE_GUE, 0, 6080);
    assert.deepEqual([gue[9], (gue[22]! << 8) | gue[23]!, gue.length], [UDP, 6080, 72]);
    const gre = edit(TUNNEL_TYPE_GRE, 0, 0);
    assert.deepEqual([gre[9], gre.length], [GRE, 64]);
    assert.equal(edit(TUNNEL_TYPE_GRE, TUNNEL_ENCAP_FLAG_CSUM, 0).length, 68);
  });

  test('carries again when there is a route again', () => {
    routes.none.add(CLIENT);
    director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
    assert.equal(verdict(nat, 1000), LEFT);
    // not tried with each packet
    routes.none.clear();
    director.receive(packet(nat, 1000), false);
    cache.flush();
    assert.equal(verdict(nat, 1000), LEFT);
    routes.routeGeneration++;
    cache.refresh();
    director.receive(packet(nat, 1000), false);
    cache.flush();
    assert.equal(verdict(nat, 1000), CARRIED);
  });

  test('does not carry where it could not send', () => {
    routes.ethernet = false;
    director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
    assert.deepEqual(cache.counters, noCounters());
  });

  test('removes the flows of what is over together, and keeps what has taken its place', () => {
    const first = director.connect(nat, TCP, CLIENT, 1000);
    director.connect(direct, TCP, CLIENT, 1000);
    cache.flush();
    connDelete(director.net.ipvs, first);
    assert.equal(cache.counters.carried, 1);
    director.connect(nat, TCP, CLIENT, 1000);
    director.connect(nat, TCP, CLIENT, 1001);
    cache.flush();
    assert.deepEqual(
      [verdict(nat, 1000), verdict(nat, 1001), verdict(direct, 1000)],
      [CARRIED, CARRIED, CARRIED],
    );
    const { conns } = director.net.ipvs;
    for (let c = 0; c < conns.highWater; c++) if (conns.isUsed(c)) connDelete(director.net.ipvs, c);
    cache.flush();
    assert.deepEqual([verdict(nat, 1000), verdict(nat, 1001), verdict(direct, 1000)], [LEFT, LEFT, LEFT]);
    assert.equal(cache.counters.carried, 0);
    // the ways are free again: those of a dest that goes now go with it
    director.net.ipvs.delDest(id, dest);
    cache.refresh();
    assert.deepEqual(
      [...cache.ways.dests()].map(([{ port }]) => port),
      [direct.serverPort],
    );
  });

  test('carries while a backup daemon runs, but not where it is to leave packets alone', () => {
    const c = director.connect(nat, TCP, CLIENT, 1000);
    director.net.ipvs.syncState = SYNC_STATE_BACKUP;
    cache.refresh();
    cache.flush();
    assert.equal(verdict(nat, 1000), CARRIED);
    director.net.ipvs.sysctls.set('backup_only', '1');
    cache.refresh();
    assert.equal(verdict(nat, 1000), LEFT);
    cache.used(c);
    cache.flush();
    assert.equal(cache.counters.carried, 0);
  });

  test('gives a connection back that a master tells of', () => {
    const ends = { client: [CLIENT, 1000], virtual: [nat.vip, nat.port] } as const;
    const server = [nat.server, nat.serverPort] as const;
    const { ipvs } = director.net;
    const c = director.connect(nat, TCP, CLIENT, 1000);
    cache.flush();
    for (let i = 0; i < 10; i++) verdict(nat, 1000);
    // no daemon can be started beside servers of another family
    ipvs.mixedAddressFamilyDests = 0;
    ipvs.startDaemon({ state: 'backup', interface: 'lo', syncid: 7 });
    processMessage(ipvs, messageV1([entryV1({ ...ends, dest: server, state: TCP_S_CLOSE_WAIT })]));
    assert.equal(verdict(nat, 1000), LEFT);
    const [packets, state] = [C_INPKTS, C_STATE].map(
      (word) => ipvs.conns.hot[(c << HOT_SHIFT) + word]! & 0xffff,
    );
    assert.deepEqual([packets, state], [ipvs.sysctls.values.sync_threshold, TCP_S_CLOSE_WAIT]);
    // and is offered again
    cache.used(c);
    cache.flush();
    assert.equal(verdict(nat, 1000), CARRIED);
  });
});
