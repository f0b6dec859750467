/** One daemon's flows in the next one's hands: what the maps have becomes connections again, whatever the record knows of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FlowCache } from '../../src/datapath/fast/flow-cache.js';
import { type FastMaps, loadProgram, openMaps } from '../../src/datapath/fast/maps.js';
import { Pins } from '../../src/datapath/fast/pins.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { CONN_F_MASQ } from '../../src/engine/flags.js';
import { ConnWriter, restoreConns } from '../../src/engine/snapshot/conns.js';
import { type Remainder, remainderOf, restoreDests } from '../../src/engine/snapshot/remainder.js';
import type { BpfProgram } from '../../src/linux/bpf-program.js';
import { netnsIdentity } from '../../src/linux/netns.js';
import { concat } from '../support/bytes.js';
import { ACK, FIN, TCP, tcp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS, type Kind, VectorDirector } from './director.js';
import { Routes } from './routes.js';

const CARRIED = 7;
const LEFT = -1;
const CAPACITY = { flows: 256, ways: 64 };
const clientOf = ({ vip }: Kind): string => (vip.includes(':') ? '2001:db8:9::1' : '10.9.0.1');

/** A director with the maps of the one before it, or with new ones. */
class Daemon {
  readonly director = new VectorDirector();
  readonly maps: FastMaps;
  readonly program: BpfProgram;
  readonly cache: FlowCache;
  #closed = false;

  constructor(pins: Pins, capacity = CAPACITY) {
    this.maps = openMaps(capacity, pins);
    this.program = loadProgram('tc', tcProgram(), this.maps);
    this.cache = new FlowCache(this.director.net.ipvs, new Routes(), this.maps);
    this.director.net.ipvs.fastPath = this.cache;
  }

  /** What is on record of it, numbers as they are. */
  record(): { words: Int32Array; remainder: Remainder } {
    const { ipvs } = this.director.net;
    const words = new Int32Array(1 << 14);
    const count = new ConnWriter(ipvs, false).write(words);
    return {
      words: words.slice(0, count),
      remainder: JSON.parse(JSON.stringify(remainderOf(ipvs))) as Remainder,
    };
  }

  /** Goes on from the record and the maps. */
  adopt({ words, remainder }: { words: Int32Array; remainder: Remainder }): void {
    const { ipvs } = this.director.net;
    const dests = restoreDests(ipvs, remainder);
    restoreConns(ipvs, words, { shift: 0, dest: (index) => dests.get(index) });
    const carried = remainder.dests.flatMap(({ index, carried: was }) =>
      was === undefined ? [] : [[dests.get(index)!, was] as const],
    );
    this.cache.adopt(new Map(carried));
    this.cache.refresh();
  }

  /** What the kernel does with a packet of the client. */
  verdict(kind: Kind, port: number, flags = ACK): number {
    const type = kind.vip.includes(':') ? Uint8Array.of(0x86, 0xdd) : Uint8Array.of(8, 0);
    return this.program.test(concat(new Uint8Array(12), type, packet(kind, port, flags))).verdict;
  }

  /** Connections as people see them, in no order. */
  get listed(): string[] {
    return listed(this.director);
  }

  close(): void {
    // its descriptors are others' by now
    if (this.#closed) return;
    this.#closed = true;
    this.program.close();
    for (const map of Object.values(this.maps)) map.close();
  }
}

function listed({ net }: VectorDirector): string[] {
  const { entries } = net.ipvs.listConns(0, 10_000);
  return entries.map(({ expires: _, ...row }) => JSON.stringify(row)).sort();
}

function packet(kind: Kind, port: number, flags = ACK): Uint8Array {
  return tcp(clientOf(kind), port, kind.vip, kind.port, flags, {});
}

describe('flows that an earlier daemon has left', rootOnly(), () => {
  let folder: string;
  let first: Daemon;
  let second: Daemon | undefined;
  const newPins = (): Pins => new Pins({ ...netnsIdentity(), inode: `test${process.pid}` }, folder);
  const next = (pins = newPins()): Daemon => {
    first.close();
    second = new Daemon(pins);
    assert.equal(pins.adopted, true);
    return second;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ipvsd-adopt-'));
    first = new Daemon(newPins());
    first.cache.refresh();
    second = undefined;
  });
  afterEach(() => {
    first.close();
    second?.close();
    newPins().remove();
    rmSync(folder, { recursive: true });
  });

  for (const kind of KINDS) {
    const connect = (daemon: Daemon, port: number): number => {
      const c = daemon.director.connect(kind, TCP, clientOf(kind), port);
      daemon.cache.flush();
      return c;
    };

    test(`${kind.name}: go on, and belong to their connections`, () => {
      for (const port of [1000, 1001, 1002]) connect(first, port);
      const { carried } = first.cache.counters;
      const record = first.record();
      const { listed } = first;
      const daemon = next();
      assert.equal(daemon.verdict(kind, 1000), carried === 0 ? LEFT : CARRIED);
      daemon.adopt(record);
      assert.deepEqual(daemon.listed, listed);
      assert.equal(daemon.cache.counters.carried, carried);
      assert.equal(daemon.verdict(kind, 1001), carried === 0 ? LEFT : CARRIED);
    });

    test(`${kind.name}: of which the record knows nothing, become connections, and are carried again`, () => {
      connect(first, 1000);
      const { carried } = first.cache.counters;
      const record = first.record();
      connect(first, 1001);
      const { listed } = first;
      const daemon = next();
      daemon.adopt(record);
      if (carried === 0) return;
      assert.deepEqual(daemon.listed, listed);
      assert.equal(daemon.cache.counters.carried, 1);
      assert.equal(daemon.verdict(kind, 1001), LEFT);
      daemon.director.receive(packet(kind, 1001), false);
      daemon.cache.flush();
      assert.equal(daemon.verdict(kind, 1001), CARRIED);
    });
  }

  const nat = KINDS.find(({ method }) => method === CONN_F_MASQ)!;

  test('count on: what was carried meanwhile is added once', () => {
    first.director.connect(nat, TCP, clientOf(nat), 1000);
    first.cache.flush();
    first.verdict(nat, 1000);
    first.cache.fold();
    const record = first.record();
    const before = first.director.net.ipvs.totStats.inpkts;
    const daemon = next();
    for (let i = 0; i < 5; i++) daemon.verdict(nat, 1000);
    daemon.adopt(record);
    for (let i = 0; i < 3; i++) daemon.cache.fold();
    assert.equal(daemon.director.net.ipvs.totStats.inpkts, before + 5);
  });

  test('have told of what ends connections meanwhile, known ones and others', () => {
    first.director.connect(nat, TCP, clientOf(nat), 1000);
    first.cache.flush();
    const record = first.record();
    // these may come back in other places
    const others = Array.from({ length: 12 }, (_, i) => 1001 + i);
    for (const port of others) first.director.connect(nat, TCP, clientOf(nat), port);
    first.cache.flush();
    const daemon = next();
    const ended = [1000, ...others].filter((port) => port % 2 === 0);
    for (const port of ended) assert.equal(daemon.verdict(nat, port, FIN | ACK), CARRIED);
    daemon.adopt(record);
    // as it is when the engine has seen the segment itself
    const engine = new VectorDirector();
    for (const port of [1000, ...others]) {
      engine.connect(nat, TCP, clientOf(nat), port);
      if (ended.includes(port)) engine.receive(packet(nat, port, FIN | ACK), false);
    }
    assert.deepEqual(daemon.listed, listed(engine));
  });

  test('end with a dest that is no longer there', () => {
    first.director.connect(nat, TCP, clientOf(nat), 1000);
    first.cache.flush();
    const record = first.record();
    const daemon = next();
    daemon.director.net.ipvs.flush();
    daemon.adopt(record);
    assert.equal(daemon.verdict(nat, 1000), LEFT);
  });

  test('are not taken over into maps of another size', () => {
    first.director.connect(nat, TCP, clientOf(nat), 1000);
    first.cache.flush();
    first.close();
    const pins = newPins();
    second = new Daemon(pins, { ...CAPACITY, flows: 512 });
    assert.equal(pins.adopted, false);
    assert.equal(second.verdict(nat, 1000), LEFT);
  });

  test('are not those of another network namespace', () => {
    first.close();
    const pins = new Pins({ inode: `test${process.pid}`, unique: 'another' }, folder);
    second = new Daemon(pins);
    assert.equal(pins.adopted, false);
  });
});
