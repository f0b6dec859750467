/** The tc and the XDP program do to a packet what the engine's transmitters do, byte for byte, or leave it alone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isCarriable, replyFlow, requestFlow } from '../../src/datapath/fast/flows-of.js';
import { tunnelLength } from '../../src/datapath/fast/tunnels.js';
import type { Flow, Tunnel } from '../../src/ebpf/flow.js';
import { FLOW_ACTIONS } from '../../src/ebpf/programs/flow-maps.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { xdpProgram } from '../../src/ebpf/programs/xdp.js';
import { CONN_F_MASQ, CONN_F_TUNNEL } from '../../src/engine/flags.js';
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } from '../../src/linux/bpf-program.js';
import { EINVAL, SystemError } from '../../src/linux/errno.js';
import { AF_INET, parseInet } from '../../src/wire/inet.js';
import { concat, hex } from '../support/bytes.js';
import { csum, UDP, udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { routed } from '../support/routed.js';
import { KINDS, type Kind, MTU, SOURCE, tunnelOfKind, VectorDirector } from './director.js';
import { HARDWARE, Harness } from './harness.js';
import { build, clientOf, isReply, isReported, trimmed, unusual, type Vector, vectorArb } from './vectors.js';

/** Number of the way to the clients; those to servers have the number of their kind. */
const CLIENTS_WAY = 100;
const IFINDEX = 2;

const PROGRAMS = [
  { type: 'tc', program: tcProgram, sent: 7, left: -1 },
  { type: 'xdp', program: xdpProgram, sent: 4, left: 2 },
] as const;

/** The tunnel of a kind, as its way has it. */
function tunnelOf(kind: Kind): Tunnel | undefined {
  if (kind.method !== CONN_F_TUNNEL) return undefined;
  const destination = parseInet(kind.server)!;
  const source = parseInet(destination.family === AF_INET ? SOURCE[4] : SOURCE[6])!;
  const { tunType, tunPort: port, tunFlags } = tunnelOfKind(kind);
  const type = (['ipip', 'gue', 'gre'] as const)[tunType]!;
  return { source, destination, copyDf: true, type, csum: tunFlags !== 0, port };
}

/** Bytes that a kind's outer headers take. */
function outerHeader(kind: Kind): number {
  const tunnel = tunnelOf(kind);
  return tunnel === undefined ? 0 : tunnelLength(tunnel);
}

/** Makes the ways of all kinds. */
function setWays(harness: Harness): void {
  for (const [number, kind] of KINDS.entries()) {
    const nextHop = parseInet(kind.server)!;
    harness.setWay(number, {
      nextHop,
      ifindex: IFINDEX,
      mtu: MTU - outerHeader(kind),
      hardware: HARDWARE,
      tunnel: tunnelOf(kind),
    });
  }
  harness.setWay(CLIENTS_WAY, {
    nextHop: parseInet('10.9.0.1')!,
    ifindex: IFINDEX,
    mtu: MTU,
    hardware: HARDWARE,
  });
}

/** Opens the vector's connection in an engine of its own, and installs its flows. @returns the one that the vector is of. */
function open(harness: Harness, v: Vector): { director: VectorDirector; flow: (flow: Flow) => void } {
  const kind = KINDS[v.kind]!;
  const director = new VectorDirector([kind]);
  const { ipvs } = director.net;
  const c = director.connect(kind, v.protocol, clientOf(v), v.port);
  assert.ok(isCarriable(ipvs, c));
  const request = (flow: Flow): void => requestFlow(ipvs, c, v.kind, flow);
  const reply = (flow: Flow): void => replyFlow(ipvs, c, v.kind, CLIENTS_WAY, flow);
  harness.install(request);
  if (kind.method === CONN_F_MASQ) harness.install(reply);
  return { director, flow: isReply(v) ? reply : request };
}

for (const { type, program, sent, left } of PROGRAMS) {
  describe(`the ${type} program`, rootOnly(), () => {
    let harness: Harness;
    before(() => {
      harness = new Harness(type, program());
      setWays(harness);
    });
    after(() => harness.close());

    test('gives what the engine gives, and leaves alone what is unusual', () => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(vectorArb, (v) => {
          const kind = KINDS[v.kind]!;
          const { director, flow } = open(harness, v);
          const packet = build(v);
          const { verdict, ip, ethernet } = harness.run(packet);
          const why = unusual(v, MTU - outerHeader(kind), type);
          const key = why ?? `${kind.name} ${v.protocol} ${isReply(v) ? 'reply' : 'request'}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
          if (why !== undefined) {
            assert.equal(verdict, left, why);
            assert.equal(hex(ip), hex(packet));
            assert.deepEqual(harness.reported(), []);
            assert.deepEqual(harness.counted(flow), {
              packets: 0,
              lastUsed: 0,
              server: { packets: 0, bytes: 0, xdp: 0 },
            });
            return;
          }
          assert.equal(verdict, sent);
          if (isReported(v)) seen.set('reported', (seen.get('reported') ?? 0) + 1);
          assert.deepEqual(
            harness.reported().map(({ action, flags }) => ({ action, flags })),
            isReported(v) ? [{ action: actionOf(v), flags: v.flags & 0x17 }] : [],
          );
          const whole = trimmed(v, packet);
          const expected = director.receive(whole, isReply(v))!;
          // what answers lose of their TTL is the kernel's to take, behind the engine
          if (isReply(v)) routed(expected);
          // an outer header that may be cut is identified by a number that both choose
          if (kind.method === CONN_F_TUNNEL && expected[0] === 0x45 && (expected[6]! & 0x40) === 0)
            identify(expected, ip);
          // a packet that was damaged is damaged outside as well; the engine has summed up what there is
          if (/^(bad|partial)/.test(v.fault) && tunnelOf(kind)?.csum) unsum(expected, ip);
          assert.equal(hex(ip.subarray(0, expected.length)), hex(expected));
          assert.equal(
            hex(ethernet),
            hex(concat(HARDWARE.destination, HARDWARE.source, etherType(expected))),
          );
          const { packets, server, lastUsed } = harness.counted(flow);
          assert.deepEqual(
            { packets, server },
            { packets: 1, server: { packets: 1, bytes: whole.length, xdp: type === 'xdp' ? 1 : 0 } },
          );
          assert.ok(Math.abs(Number(process.hrtime.bigint()) - lastUsed) < 1e9);
        }),
        { numRuns: 8000 },
      );
      for (const [key, count] of seen) assert.ok(count >= 3, `${key}: only ${count}`);
    });

    test('leaves the frames of others alone', () => {
      const v = ordinary();
      open(harness, v);
      assert.equal(harness.run(build(v)).verdict, sent);
      for (let byte = 0; byte < 6; byte++) {
        const to = new Uint8Array(6);
        to[byte] = 2;
        assert.equal(harness.run(build(v), { to }).verdict, left);
      }
    });

    test('leaves everything alone when the way is closed', () => {
      const v = ordinary();
      open(harness, v);
      assert.equal(harness.run(build(v)).verdict, sent);
      const number = isReply(v) ? CLIENTS_WAY : v.kind;
      harness.setWay(number, { nextHop: parseInet('10.9.0.1')!, ifindex: 0, mtu: MTU, hardware: HARDWARE });
      assert.equal(harness.run(build(v)).verdict, left);
      setWays(harness);
    });
  });
}

describe('the tc program', rootOnly(), () => {
  test('keeps the sum right that a network card has taken', (t) => {
    const harness = new Harness('tc', tcProgram());
    setWays(harness);
    if (!canSum(harness)) return t.skip('BPF_F_TEST_SKB_CHECKSUM_COMPLETE is of Linux 6.17');
    fc.assert(
      fc.property(vectorArb, (v) => {
        const kind = KINDS[v.kind]!;
        if (unusual(v, MTU - outerHeader(kind)) !== undefined) return;
        open(harness, v);
        // the kernel checks the sum again when the program has run
        assert.equal(harness.run(build(v), { flags: BPF_F_TEST_SKB_CHECKSUM_COMPLETE }).verdict, 7);
      }),
      { numRuns: 1000 },
    );
    harness.close();
  });
});

/** The action of the vector's flow. */
function actionOf(v: Vector): number {
  const { method } = KINDS[v.kind]!;
  if (method === CONN_F_MASQ) return isReply(v) ? FLOW_ACTIONS.natReply : FLOW_ACTIONS.natRequest;
  return method === CONN_F_TUNNEL ? FLOW_ACTIONS.tunnel : FLOW_ACTIONS.direct;
}

/** A packet that is carried, and changes nothing. */
function ordinary(): Vector {
  return fc
    .sample(vectorArb, { seed: 1, numRuns: 200 })
    .find((v) => KINDS[v.kind]!.method === CONN_F_MASQ && unusual(v, MTU, 'xdp') === undefined)!;
}

/** The kernel can give test packets such a sum. */
function canSum(harness: Harness): boolean {
  try {
    harness.run(udp('10.0.0.1', 1, '10.0.0.2', 2), { flags: BPF_F_TEST_SKB_CHECKSUM_COMPLETE });
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.number === EINVAL) return false;
    throw error;
  }
}

/** Gives an IPv4 packet the identification of another, which must have a right checksum. */
function identify(ip: Uint8Array, other: Uint8Array): void {
  assert.equal(csum(other.subarray(0, 20)), 0);
  ip.set(other.subarray(4, 6), 4);
  ip.set(other.subarray(10, 12), 10);
}

/** Takes the checksum from a GUE or GRE header that has one; it must be another than that of the packet `other`. */
function unsum(packet: Uint8Array, other: Uint8Array): void {
  const header = packet[0]! >>> 4 === 6 ? 40 : 20;
  const protocol = packet[header === 40 ? 6 : 9];
  const at = header + (protocol === UDP ? 6 : 4);
  const sum = (bytes: Uint8Array) => hex(bytes.subarray(at, at + 2));
  assert.notEqual(sum(other), sum(packet));
  other.fill(0, at, at + 2);
  packet.fill(0, at, at + 2);
}

function etherType(ip: Uint8Array): Uint8Array {
  return ip[0]! >>> 4 === 6 ? Uint8Array.of(0x86, 0xdd) : Uint8Array.of(8, 0);
}
