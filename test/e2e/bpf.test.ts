/** bpf(2) on this kernel: maps, programs, what the verifier says, places to attach to. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Assembler } from '../../src/ebpf/assembler.js';
import { r0, r1, r2, r3, r4, r10, register } from '../../src/ebpf/operand.js';
import { relocate } from '../../src/ebpf/program.js';
import { record, u32, u64 } from '../../src/ebpf/record.js';
import { BPF_LINK_CREATE, bpf, bpfChecked, getPinned } from '../../src/linux/bpf.js';
import { attachTcx, attachXdp, BpfLink, hasTcxEgress } from '../../src/linux/bpf-link.js';
import { BPF_NOEXIST, BpfMap, MapBatch } from '../../src/linux/bpf-map.js';
import { BpfProgram, VerifierError } from '../../src/linux/bpf-program.js';
import { RingBuffer } from '../../src/linux/bpf-ring-buffer.js';
import { SystemError } from '../../src/linux/errno.js';
import { enterNetns } from '../../src/linux/netns.js';
import { findLink } from '../../src/linux/rt-link.js';
import { openRtnetlink } from '../../src/linux/rtnetlink.js';
import { attachTcFilter, detachTcFilter, hasEgressFilters, removeClsact } from '../../src/linux/tc-filter.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces, run } from './namespaces.js';

const BPF_TCX_EGRESS = 47;

const hash = { name: 'test', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 1000 } as const;

const COUNT = record('count', { count: u64 });
const NUMBER = record('number', { count: u64, key: u32, spare: u32 });

function program(
  name: string,
  write: (a: Assembler) => unknown,
  maps: Record<string, BpfMap | RingBuffer> = {},
): BpfProgram {
  const a = new Assembler(name);
  write(a);
  const code = a.finish();
  const descriptors = Object.fromEntries(Object.entries(maps).map(([key, map]) => [key, map.fd]));
  return new BpfProgram('tc', { ...code, instructions: relocate(code, descriptors) });
}

describe('bpf(2)', rootOnly('socat', 'mount'), () => {
  it('keeps, finds and removes elements of a map', () => {
    const map = new BpfMap(hash);
    map.key.setUint32(0, 7);
    assert.equal(map.lookup(), false);
    map.value.setUint32(4, 99);
    map.update();
    map.value.setUint32(4, 0);
    assert.equal(map.lookup(), true);
    assert.equal(map.value.getUint32(4), 99);
    assert.equal(map.delete(), true);
    assert.equal(map.delete(), false);
    assert.throws(() => {
      map.update(BPF_NOEXIST);
      map.update(BPF_NOEXIST);
    }, /EEXIST/);
    map.value.setUint32(4, 0);
    assert.equal(map.take(), true);
    assert.equal(map.value.getUint32(4), 99);
    assert.equal(map.take(), false);
    map.close();
  });

  it('reads records that a program leaves, in their order, until there is no room', () => {
    const ring = new RingBuffer({ name: 'test', size: 4096 });
    const last = new BpfMap({ name: 'last', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 });
    // leaves a record with a number that grows; what the helper says is the verdict
    const leave = program(
      'leave',
      (a) => {
        const number = a.stack(NUMBER);
        const stored = COUNT.at(r0).count;
        a.store(number.key, 0);
        a.movMap(r1, 'last').mov(r2, r10).add(r2, number.key.offset).call('map_lookup_elem');
        a.jumpIf(r0, '==', 0, 'end').mov(r3, 1).atomicAdd(stored, r3);
        a.load(r1, stored).store(number.count, r1);
        a.movMap(r1, 'ring').mov(r2, r10).add(r2, number.count.offset).mov(r3, 8).mov(r4, 1);
        a.call('ringbuf_output').label('end').exit();
      },
      { last, ring },
    );
    const frame = new Uint8Array(64);
    let expected = 0;
    let lost = 0;
    const seen: number[] = [];
    const read = () => ring.read((at, length) => seen.push(length, ring.data.getUint32(at, true)));
    try {
      assert.equal(ring.pending, false);
      read();
      // more than twice around: sixteen bytes each
      for (let round = 0; round < 7; round++) {
        const written: number[] = [];
        for (let i = 0; i < 100; i++) {
          assert.equal(leave.test(frame).verdict, 0);
          written.push(8, ++expected);
        }
        assert.equal(ring.pending, true);
        seen.length = 0;
        read();
        assert.deepEqual(seen, written);
        assert.equal(ring.pending, false);
      }
      for (let i = 0; i < 300; i++) if (leave.test(frame).verdict !== 0) lost++;
      seen.length = 0;
      read();
      assert.equal(seen.length / 2 + lost, 300);
      assert.ok(lost >= 300 - 4096 / 16);
      assert.equal(leave.test(frame).verdict, 0);
    } finally {
      for (const object of [ring, last, leave]) object.close();
    }
    assert.equal(ring.pending, false);
    assert.throws(() => new RingBuffer({ name: 'odd', size: 5000 }), /EINVAL/);
  });

  it('does so with many at once, and says how many fitted', () => {
    const map = new BpfMap(hash);
    const batch = new MapBatch(map, 1200);
    for (let i = 0; i < 1200; i++) {
      batch.keys.setUint32(4 * i, i);
      batch.values.setUint32(8 * i, i);
    }
    assert.equal(map.updateBatch(batch, 1200), 1000);
    const seen = new Set<number>();
    map.scan(new MapBatch(map, 128), () => {});
    const reader = new MapBatch(map, 128);
    map.scan(reader, (count) => {
      for (let i = 0; i < count; i++) {
        assert.equal(reader.keys.getUint32(4 * i), reader.values.getUint32(8 * i));
        seen.add(reader.keys.getUint32(4 * i));
      }
    });
    assert.equal(seen.size, 1000);
    // two hundred of these are not there
    map.deleteBatch(batch, 1200);
    map.key.setUint32(0, 999);
    assert.equal(map.lookup(), false);
    map.close();
  });

  it('runs a program that counts in a map', () => {
    const map = new BpfMap({ ...hash, type: 'array', maxEntries: 1 });
    const count = program(
      'count',
      (a) =>
        a
          .store({ base: r10, offset: -4, size: 4, name: 'index' }, 0)
          .movMap(r1, 'counters')
          .mov(r2, r10)
          .add(r2, -4)
          .call('map_lookup_elem')
          .jumpIf(r0, '==', 0, 'out')
          .mov(r3, 1)
          .atomicAdd({ base: r0, offset: 0, size: 8, name: 'counter' }, r3)
          .label('out')
          .mov(r0, 5)
          .exit(),
      { counters: map },
    );
    const packet = new Uint8Array(64).fill(1);
    const run = count.test(packet, { repeat: 10 });
    assert.equal(run.verdict, 5);
    assert.deepEqual(run.packet, packet);
    map.key.setUint32(0, 0);
    map.lookup();
    assert.equal(map.value.getUint32(0, true), 10);
    for (const object of [map, count]) object.close();
  });

  it('tells what the verifier refuses, by the name of the instruction', () => {
    const lost = register(6, 'lost');
    assert.throws(
      () =>
        program('refused', (a) =>
          a.mov(r0, 0).label('oops').load(r0, { base: lost, offset: 0, size: 4, name: 'x' }).exit(),
        ),
      (error) =>
        error instanceof VerifierError &&
        /EACCES/.test(error.message) &&
        /<- oops: r0 = lost->x/.test(error.message) &&
        /R6 !read_ok/.test(error.log),
    );
  });

  describe('attaches', () => {
    const net = new Namespaces('bpf');
    const pins = mkdtempSync(join(tmpdir(), 'ipvsd-bpf-'));
    let ifindex = 0;
    before(() => {
      net.add('a');
      net.add('b');
      net.connect('a', 'eth0', 'b', 'eth0');
      enterNetns(net.name('a'));
      ifindex = findLink(openRtnetlink(), 'eth0')!.index;
    });
    after(() => {
      net.close();
    });
    const drop = (): BpfProgram => program('drop', (a) => a.mov(r0, 2).exit());
    const pass = (): BpfProgram => program('pass', (a) => a.mov(r0, -1).exit());
    /** True when what `b` sends reaches `a`. */
    const reaches = (): boolean => {
      try {
        net.exec('b', 'socat -T1 - TCP4:10.0.0.1:80,connect-timeout=0.3');
        return true;
      } catch (error) {
        return /refused/.test(String(error));
      }
    };
    before(() => {
      net.address('a', 'eth0', '10.0.0.1/24');
      net.address('b', 'eth0', '10.0.0.2/24');
      // they know each other from here on
      assert.equal(reaches(), true);
    });

    it('by TCX, while the link is open', () => {
      const link = attachTcx(drop(), ifindex);
      assert.equal(reaches(), false);
      link.replace(pass());
      assert.equal(reaches(), true);
      link.replace(drop());
      assert.equal(reaches(), false);
      link.close();
      assert.equal(reaches(), true);
    });

    it('by a tc filter, until it is removed', () => {
      const socket = openRtnetlink();
      const place = { ifindex, priority: 5 };
      assert.equal(detachTcFilter(socket, place), false);
      attachTcFilter(socket, drop(), place);
      assert.equal(reaches(), false);
      attachTcFilter(socket, pass(), place);
      assert.equal(reaches(), true);
      attachTcFilter(socket, drop(), place);
      assert.equal(detachTcFilter(socket, place), true);
      assert.equal(reaches(), true);
      assert.equal(removeClsact(socket, ifindex), true);
      assert.equal(removeClsact(socket, ifindex), false);
    });

    it('to what goes out, which is found out', () => {
      const socket = openRtnetlink();
      assert.deepEqual([hasTcxEgress(ifindex), hasEgressFilters(socket, ifindex)], [false, false]);
      const ingress = attachTcx(pass(), ifindex);
      attachTcFilter(socket, pass(), { ifindex, priority: 5 });
      assert.deepEqual([hasTcxEgress(ifindex), hasEgressFilters(socket, ifindex)], [false, false]);
      const { fd } = pass();
      const attached = bpf(BPF_LINK_CREATE, 48, (a) => a.u32(0, fd).u32(4, ifindex).u32(8, BPF_TCX_EGRESS));
      const egress = new BpfLink(bpfChecked(attached, 'BPF_LINK_CREATE'));
      net.exec('a', 'tc filter add dev eth0 egress protocol all u32 match u32 0 0');
      assert.deepEqual([hasTcxEgress(ifindex), hasEgressFilters(socket, ifindex)], [true, true]);
      egress.close();
      ingress.close();
      removeClsact(socket, ifindex);
      assert.deepEqual([hasTcxEgress(ifindex), hasEgressFilters(socket, ifindex)], [false, false]);
      assert.throws(() => hasTcxEgress(4242), /ENODEV/);
    });

    it('to the driver by XDP, once', () => {
      const code = new Assembler('xdp').mov(r0, 1).exit().finish();
      const xdp = new BpfProgram('xdp', code);
      const link = attachXdp(xdp, ifindex, 'native');
      assert.equal(reaches(), false);
      assert.equal(findLink(openRtnetlink(), 'eth0')!.xdp, true);
      assert.throws(
        () => attachXdp(xdp, ifindex, 'native'),
        (error) => error instanceof SystemError && /EBUSY/.test(error.message),
      );
      link.close();
      const generic = attachXdp(xdp, ifindex, 'generic');
      assert.equal(reaches(), false);
      generic.close();
      assert.equal(reaches(), true);
      assert.equal(findLink(openRtnetlink(), 'eth0')!.xdp, false);
    });

    it('for longer than the link is open, when it is pinned', () => {
      run(`mount -t bpf bpf ${pins}`);
      const link = attachTcx(drop(), ifindex);
      link.pin(`${pins}/link`);
      link.close();
      assert.equal(reaches(), false);
      const again = new BpfLink(getPinned(`${pins}/link`));
      rmSync(`${pins}/link`);
      assert.equal(reaches(), false);
      again.close();
      assert.equal(reaches(), true);
      assert.throws(() => getPinned(`${pins}/link`), /ENOENT/);
      run(`umount ${pins}`);
      rmSync(pins, { recursive: true });
    });
  });
});
