/** Which packets the steering program hands over in the ring buffer, how they look there, and that none overtakes another of its flow. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Arrivals } from '../../src/datapath/tun/arrivals.js';
import { servicePlaces } from '../../src/datapath/tun/place.js';
import { writePlace } from '../../src/datapath/tun/steering-program.js';
import { relocate } from '../../src/ebpf/program.js';
import { ARRIVAL_ROOMS, ARRIVALS } from '../../src/ebpf/programs/arrival.js';
import { steerProgram } from '../../src/ebpf/programs/steer.js';
import { STEER_MAP } from '../../src/ebpf/programs/steer-map.js';
import { BpfMap } from '../../src/linux/bpf-map.js';
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE, BpfProgram } from '../../src/linux/bpf-program.js';
import { SystemError } from '../../src/linux/errno.js';
import { parseInet } from '../../src/wire/inet.js';
import { CHECKSUM_NONE } from '../../src/wire/packet.js';
import { concat, hex } from '../support/bytes.js';
import {
  ACK,
  CWR,
  ECE,
  FIN,
  frag4,
  frag6,
  RST,
  SCTP,
  SYN,
  sctp,
  TCP,
  tcp,
  UDP,
  udp,
} from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { routed } from '../support/routed.js';

const WORLDS = [
  { name: 'IPv4', vip: '10.1.0.100', client: '10.9.0.1', header: 20 },
  { name: 'IPv6', vip: '2001:db8:1::100', client: '2001:db8:9::1', header: 40 },
] as const;

/** ns */
const HOUR = 3600e9;

type Way = 'handed over' | 'device';
const WAYS: Readonly<Record<number, Way>> = { 2: 'handed over', 7: 'device' };

for (const { name, vip, client, header } of WORLDS) {
  const six = name === 'IPv6';
  describe(`what is handed over in ${name}`, rootOnly(), () => {
    let map: BpfMap;
    let arrivals: Arrivals;
    let program: BpfProgram;
    const load = (patience: number): BpfProgram => {
      const steer = steerProgram(2, patience);
      const instructions = relocate(steer, { steer: map.fd, ...arrivals.descriptors });
      return new BpfProgram('tc', { ...steer, instructions });
    };

    beforeEach(() => {
      map = new BpfMap({ ...STEER_MAP, maxEntries: 64 });
      arrivals = new Arrivals(4);
      program = load(HOUR);
      const virtual = parseInet(vip)!;
      for (const protocol of [TCP, UDP, SCTP]) {
        for (const place of servicePlaces(virtual, protocol, 0)) {
          writePlace(map.key, place);
          map.update();
        }
      }
    });
    afterEach(() => {
      for (const each of [program, arrivals, map]) each.close();
    });

    const wayOf = (packet: Uint8Array, { flags = 0, by = program } = {}): Way | undefined => {
      const type = six ? [0x86, 0xdd] : [8, 0];
      const frame = concat(new Uint8Array(6), Uint8Array.of(2, 0, 0, 0, 0, 2, ...type), packet);
      return WAYS[by.test(frame, { flags }).verdict];
    };
    /** Reads the only packet there is, which is to be this one, a hop further. */
    const arrived = (packet: Uint8Array, csumStart = 0): void => {
      assert.equal(arrivals.read(), 1);
      const [p] = arrivals.packets;
      const expected = packet.slice();
      routed(expected);
      assert.equal(hex(p!.payload()), hex(expected));
      assert.deepEqual([p!.ipSummed, p!.csumStart, p!.gsoSize, p!.mark], [CHECKSUM_NONE, csumStart, 0, 0]);
      assert.equal(arrivals.read(), 0);
    };
    const segment = (port: number, flags: number, data = new Uint8Array()): Uint8Array =>
      tcp(client, port, vip, 80, flags, { data });
    const datagram = (port: number, length = 1): Uint8Array =>
      udp(client, port, vip, 53, { data: new Uint8Array(length).fill(7) });
    const fragments = (packet: Uint8Array): Uint8Array[] => (six ? frag6(packet, 1000) : frag4(packet, 1000));

    test('are segments that open a connection, and datagrams', () => {
      const opening = [SYN, SYN | ECE | CWR].map((flags, i) => segment(1000 + i, flags));
      for (const packet of [...opening, segment(1002, SYN, new Uint8Array(100)), datagram(1000)]) {
        assert.equal(wayOf(packet), 'handed over');
        arrived(packet);
      }
      const others = [ACK, SYN | ACK, FIN | ACK, RST, RST | SYN].map((flags, i) => segment(2000 + i, flags));
      for (const packet of [...others, sctp(client, 1000, vip, 80, ['init'])])
        assert.equal(wayOf(packet), 'device');
      assert.equal(arrivals.pending, false);
    });

    test('is of every length that Ethernet carries, and whole', () => {
      const longest = ARRIVAL_ROOMS.at(-1)! - header - 8;
      for (const length of [
        0,
        1,
        2,
        3,
        ARRIVAL_ROOMS[0] - header - 8,
        ARRIVAL_ROOMS[0] - header - 7,
        longest,
      ]) {
        const packet = datagram(1000 + length, length);
        assert.equal(wayOf(packet), 'handed over', `${length}`);
        arrived(packet);
      }
      assert.equal(wayOf(datagram(1, longest + 1)), 'device');
      for (const packet of fragments(datagram(2, 2000))) assert.equal(wayOf(packet), 'device');
    });

    test('is what it was when a network card has summed it', (t) => {
      const packet = datagram(1000);
      try {
        assert.equal(wayOf(packet, { flags: BPF_F_TEST_SKB_CHECKSUM_COMPLETE }), 'handed over');
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        t.skip('before Linux 6.17');
        return;
      }
      arrived(packet);
    });

    test('comes in its order, many at once', () => {
      const packets = Array.from({ length: 10 }, (_, i) => datagram(1000, i));
      for (const packet of packets) assert.equal(wayOf(packet), 'handed over');
      const sizes: number[] = [];
      for (let n = arrivals.read(); n > 0; n = arrivals.read())
        for (const p of arrivals.packets.slice(0, n)) sizes.push(p.len - header - 8);
      assert.deepEqual(sizes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    test('is none of a flow of which a packet may wait in the TUN device', () => {
      assert.equal(wayOf(segment(1000, RST)), 'device');
      assert.equal(wayOf(segment(1000, SYN)), 'device');
      assert.equal(wayOf(segment(1001, SYN)), 'handed over');
      assert.equal(wayOf(datagram(1000, 1500)), 'device');
      assert.equal(wayOf(datagram(1000)), 'device');
      assert.equal(wayOf(datagram(1001)), 'handed over');
    });

    test('is none from a client whose fragments may wait there, which tell no ports', () => {
      for (const packet of fragments(datagram(1000, 2000))) wayOf(packet);
      assert.equal(wayOf(datagram(1000)), 'device');
      assert.equal(wayOf(datagram(1001)), 'device');
      assert.equal(wayOf(udp(client.replace(/1$/, '2'), 1000, vip, 53)), 'handed over');
    });

    test('is every flow again when nothing of it can wait there any more', () => {
      for (const packet of fragments(datagram(1000, 2000))) wayOf(packet);
      for (const port of [1000, 1001]) assert.equal(wayOf(datagram(port)), 'device');
      const impatient = load(0);
      for (const port of [1000, 1001]) assert.equal(wayOf(datagram(port), { by: impatient }), 'handed over');
      impatient.close();
    });

    test('is of every flow but those, however many they are', () => {
      for (let port = 10_000; port < 16_000; port++) assert.equal(wayOf(segment(port, RST)), 'device');
      for (let port = 20_000; port < 21_000; port++) {
        assert.equal(wayOf(segment(port, SYN)), 'handed over');
        arrivals.read();
      }
    });

    test('is as much as there is room for; what finds none takes the device', () => {
      const room = Math.floor(ARRIVALS.size / (ARRIVAL_ROOMS[1] + 16));
      const ways = Array.from({ length: room + 10 }, (_, i) => wayOf(datagram(1000 + i, 1000)));
      const over = ways.indexOf('device');
      assert.ok(over >= room - 1 && over <= room, `${over} of ${room}`);
      assert.ok(ways.slice(over).every((way) => way === 'device'));
      assert.equal(arrivals.read(), 4);
      assert.equal(wayOf(datagram(999)), 'handed over');
      assert.equal(wayOf(datagram(1000 + over)), 'device');
    });

    test('waits for nobody who sleeps: the TUN device wakes him', () => {
      arrivals.sleep();
      assert.equal(wayOf(segment(1000, ACK)), 'device');
      assert.equal(arrivals.asleep, true);
      assert.equal(wayOf(segment(1001, SYN)), 'device');
      assert.equal(arrivals.asleep, false);
      assert.equal(wayOf(segment(1002, SYN)), 'handed over');
      // of the same flow, which is to keep its order
      assert.equal(wayOf(segment(1001, SYN)), 'device');
      arrivals.sleep();
      arrivals.wake();
      assert.equal(wayOf(segment(1003, SYN)), 'handed over');
    });
  });
}
