/** Which packets the steering program sends to the engine, and that they have then gone one hop. How they go: hand-over.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Arrivals } from '../../src/datapath/tun/arrivals.js';
import { ANY_ERROR, answerPlaces, type Place, servicePlaces } from '../../src/datapath/tun/place.js';
import { writePlace } from '../../src/datapath/tun/steering-program.js';
import { relocate } from '../../src/ebpf/program.js';
import { steerProgram } from '../../src/ebpf/programs/steer.js';
import { STEER_MAP } from '../../src/ebpf/programs/steer-map.js';
import { BpfMap } from '../../src/linux/bpf-map.js';
import { BpfProgram } from '../../src/linux/bpf-program.js';
import { parseInet } from '../../src/wire/inet.js';
import { concat, hex } from '../support/bytes.js';
import {
  ESP,
  frag4,
  frag6,
  type IpOptions,
  icmpError,
  ip,
  ping,
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

/** Verdicts: into the TUN device; handed over already. */
const DEVICE = 7;
const HANDED_OVER = 2;
const LEFT = -1;

const WORLDS = [
  { name: 'IPv4', vip: '10.1.0.100', server: '10.2.0.11', client: '10.9.0.1', other: '10.3.0.1' },
  {
    name: 'IPv6',
    vip: '2001:db8:1::100',
    server: '2001:db8:2::11',
    client: '2001:db8:9::1',
    other: '2001:db8:3::1',
  },
] as const;

for (const { name, vip, server, client, other } of WORLDS) {
  const six = name === 'IPv6';
  describe(`the steering program over ${name}`, rootOnly(), () => {
    let map: BpfMap;
    let arrivals: Arrivals;
    let program: BpfProgram;
    const write = (place: Place, there = true): void => {
      writePlace(map.key, place);
      if (there) map.update();
      else map.delete();
    };

    before(() => {
      map = new BpfMap({ ...STEER_MAP, maxEntries: 64 });
      arrivals = new Arrivals(4);
      const steer = steerProgram(2);
      const instructions = relocate(steer, { steer: map.fd, ...arrivals.descriptors });
      program = new BpfProgram('tc', { ...steer, instructions });
      const [virtual, real] = [parseInet(vip)!, parseInet(server)!];
      const places = [
        ...servicePlaces(virtual, TCP, 80),
        ...servicePlaces(virtual, UDP, 0),
        ...servicePlaces(virtual, ESP, 0),
        ...answerPlaces(real, TCP, 8080),
        ...answerPlaces(real, SCTP, 0),
      ];
      for (const place of places) write(place);
    });
    after(() => {
      for (const each of [program, arrivals, map]) each.close();
    });

    const run = (packet: Uint8Array, to = new Uint8Array(6)) => {
      const type = six ? [0x86, 0xdd] : [8, 0];
      return program.test(concat(to, Uint8Array.of(2, 0, 0, 0, 0, 2, ...type), packet));
    };
    const steered = (packet: Uint8Array): void => {
      const { verdict, packet: frame } = run(packet);
      const expected = packet.slice();
      routed(expected);
      const handedOver = arrivals.read();
      assert.deepEqual([verdict, handedOver], handedOver === 1 ? [HANDED_OVER, 1] : [DEVICE, 0]);
      const bytes = handedOver === 1 ? arrivals.packets[0]!.payload() : frame.subarray(14);
      assert.equal(hex(bytes), hex(expected));
    };
    const left = (packet: Uint8Array): void => {
      const { verdict, packet: frame } = run(packet);
      assert.equal(verdict, LEFT);
      assert.equal(hex(frame.subarray(14)), hex(packet));
    };
    const request = (port: number, options: IpOptions = {}) => tcp(client, 1000, vip, port, SYN, options);
    const data = new Uint8Array(3000);

    test('takes what is for a service', () => {
      steered(request(80));
      left(request(81));
      left(tcp(client, 1000, other, 80, SYN));
      steered(udp(client, 1000, vip, 12_345));
      left(sctp(client, 1000, vip, 80, ['init']));
      steered(ip(client, vip, ESP, new Uint8Array(40)));
    });

    test('takes what NAT real servers answer', () => {
      steered(tcp(server, 8080, client, 1000, SYN));
      left(tcp(server, 8081, client, 1000, SYN));
      left(tcp(other, 8080, client, 1000, SYN));
      steered(sctp(server, 9, client, 1000, ['data']));
    });

    test('takes fragments, which have no ports', () => {
      const cut = (packet: Uint8Array) => (six ? frag6(packet, 1000) : frag4(packet, 1000));
      for (const fragment of cut(tcp(client, 1000, vip, 81, SYN, { data }))) steered(fragment);
      for (const fragment of cut(tcp(server, 1, client, 1000, SYN, { data }))) steered(fragment);
      for (const fragment of cut(sctp(client, 1000, vip, 80, ['data', ...Array(40).fill('data')])))
        left(fragment);
    });

    test('takes ICMP errors, and no other ICMP', () => {
      const about = request(80);
      const unreachable = six ? 1 : 3;
      steered(icmpError(other, vip, unreachable, 0, about));
      // about what was translated
      steered(icmpError(other, client, unreachable, 0, about));
      left(ping(client, vip, 1, 1));
      if (!six) left(icmpError(other, vip, 12, 0, about));
      write(ANY_ERROR, false);
      left(icmpError(other, client, unreachable, 0, about));
      steered(icmpError(other, vip, unreachable, 0, about));
      write(ANY_ERROR);
    });

    test('looks behind options and extension headers', () => {
      if (!six) {
        steered(request(80, { options: Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 0) }));
        left(request(81, { options: Uint8Array.of(1, 1, 1, 0) }));
        return;
      }
      const HOP_BY_HOP = 0;
      const DESTINATION = 60;
      const behind = (port: number): Uint8Array => {
        const extension = (next: number, words: number) => {
          const bytes = new Uint8Array(8 * (words + 1));
          bytes.set([next, words, 1, bytes.length - 4]);
          return bytes;
        };
        const segment = request(port).subarray(40);
        return ip(client, vip, HOP_BY_HOP, concat(extension(DESTINATION, 0), extension(TCP, 2), segment));
      };
      steered(behind(80));
      left(behind(81));
    });

    test('leaves what has no hop left, and what is not for this host', () => {
      left(request(80, { ttl: 1 }));
      left(request(80, { ttl: 0 }));
      steered(request(80, { ttl: 2 }));
      assert.equal(run(request(80), Uint8Array.of(2, 0, 0, 0, 0, 9)).verdict, LEFT);
      if (six) left(tcp('fe80::1', 1000, vip, 80, SYN));
    });
  });
}
