/** The tc program does to a packet what the engine's transmitters do, byte for byte, or leaves it alone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isCarriable, replyFlow, requestFlow } from '../../src/datapath/fast/flows-of.js';
import type { Flow } from '../../src/ebpf/flow.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { CONN_F_MASQ, CONN_F_TUNNEL } from '../../src/engine/flags.js';
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } from '../../src/linux/bpf-program.js';
import { EINVAL, SystemError } from '../../src/linux/errno.js';
import { AF_INET, parseInet } from '../../src/wire/inet.js';
import { hex } from '../support/bytes.js';
import { udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS, MTU, SOURCE, VectorDirector } from './director.js';
import { Harness } from './harness.js';
import { build, clientOf, isReply, trimmed, unusual, type Vector, vectorArb } from './vectors.js';

const TC_ACT_REDIRECT = 7;
const TC_ACT_UNSPEC = -1;
const CLIENTS_WAY = 100;

describe('the tc program', rootOnly(), () => {
  let harness: Harness;
  before(() => {
    harness = new Harness('tc', tcProgram());
    const mtu = MTU;
    for (const [number, { server, method }] of KINDS.entries()) {
      const nextHop = parseInet(server)!;
      const source = parseInet(nextHop.family === AF_INET ? SOURCE[4] : SOURCE[6])!;
      const header = nextHop.family === AF_INET ? 20 : 40;
      const tunnel = method === CONN_F_TUNNEL ? { source, destination: nextHop, copyDf: true } : undefined;
      harness.setWay(number, { nextHop, ifindex: 1, mtu: tunnel === undefined ? mtu : mtu - header, tunnel });
    }
    harness.setWay(CLIENTS_WAY, { nextHop: parseInet('10.9.0.1')!, ifindex: 1, mtu });
  });
  after(() => harness.close());

  /** Opens the vector's connection in an engine of its own, and installs its flows. */
  function open(v: Vector): { director: VectorDirector; flow: (flow: Flow) => void; room: number } {
    const director = new VectorDirector();
    const { ipvs } = director.net;
    const kind = KINDS[v.kind]!;
    const c = director.connect(kind, v.protocol, clientOf(v), v.port);
    assert.ok(isCarriable(ipvs, c));
    const request = (flow: Flow): void => requestFlow(ipvs, c, v.kind, flow);
    const reply = (flow: Flow): void => replyFlow(ipvs, c, CLIENTS_WAY, flow);
    harness.install(request);
    if (kind.method === CONN_F_MASQ) harness.install(reply);
    const header = kind.method !== CONN_F_TUNNEL ? 0 : kind.server.includes(':') ? 40 : 20;
    return { director, flow: isReply(v) ? reply : request, room: MTU - header };
  }

  test('gives what the engine gives, and leaves alone what is unusual', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(vectorArb, (v) => {
        if (KINDS[v.kind]!.method === CONN_F_TUNNEL) return;
        const { director, flow, room } = open(v);
        const packet = build(v);
        const { verdict, ip } = harness.run(packet);
        const why = unusual(v, room);
        const key = why ?? `${KINDS[v.kind]!.name} ${v.protocol} ${isReply(v) ? 'reply' : 'request'}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        if (why !== undefined) {
          assert.equal(verdict, TC_ACT_UNSPEC, why);
          assert.equal(hex(ip), hex(packet));
          assert.deepEqual(harness.counted(flow), { packets: 0, bytes: 0, lastUsed: 0 });
          return;
        }
        assert.equal(verdict, TC_ACT_REDIRECT);
        const whole = trimmed(v, packet);
        const expected = director.receive(whole, isReply(v))!;
        // what answers lose of their TTL is the kernel's to take, behind the engine
        if (isReply(v)) routed(expected);
        assert.equal(hex(ip.subarray(0, expected.length)), hex(expected));
        const { packets, bytes, lastUsed } = harness.counted(flow);
        assert.deepEqual({ packets, bytes }, { packets: 1, bytes: whole.length });
        assert.ok(Math.abs(Number(process.hrtime.bigint()) - lastUsed) < 1e9);
      }),
      { numRuns: 5000 },
    );
    for (const [key, count] of seen) assert.ok(count >= 10, `${key}: only ${count}`);
  });

  test('keeps the sum right that a network card has taken', (t) => {
    if (!canSum()) return t.skip('BPF_F_TEST_SKB_CHECKSUM_COMPLETE is of Linux 6.17');
    fc.assert(
      fc.property(vectorArb, (v) => {
        if (KINDS[v.kind]!.method === CONN_F_TUNNEL) return;
        const { room } = open(v);
        if (unusual(v, room) !== undefined || v.fault !== 'none') return;
        const { verdict } = harness.run(build(v), { flags: BPF_F_TEST_SKB_CHECKSUM_COMPLETE });
        assert.equal(verdict, TC_ACT_REDIRECT);
      }),
      { numRuns: 1000 },
    );
  });

  function canSum(): boolean {
    try {
      harness.run(udp('10.0.0.1', 1, '10.0.0.2', 2), { flags: BPF_F_TEST_SKB_CHECKSUM_COMPLETE });
      return true;
    } catch (error) {
      return !(error instanceof SystemError && error.number === EINVAL);
    }
  }
});

/** Takes one from the TTL as a router does. */
function routed(ip: Uint8Array): void {
  if (ip[0]! >>> 4 === 6) {
    ip[7]!--;
    return;
  }
  ip[8]!--;
  const sum = ((ip[10]! << 8) | ip[11]!) + 0x100;
  const check = sum >= 0xffff ? sum - 0xffff : sum;
  ip[10] = check >>> 8;
  ip[11] = check & 255;
}
