/** Packets that change states, carried by the tc program and reported to the engine. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connDelete } from '../../src/engine/conn.js';
import { C_CONTROL, C_EXPIRES, C_INPKTS, C_STATE, HOT_SHIFT } from '../../src/engine/conn-table.js';
import { SVC_F_PERSISTENT } from '../../src/engine/flags.js';
import { TCP_S_CLOSE, TCP_S_CLOSE_WAIT, TCP_S_ESTABLISHED } from '../../src/engine/tcp-states.js';
import { parseInet } from '../../src/wire/inet.js';
import { ACK, FIN, RST, SYN, TCP, tcp, UDP, udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS } from './director.js';
import { CARRIED, FastSide } from './sides.js';

const HZ = 100;
const LEFT = -1;
const CLIENT = '10.9.0.1';

describe('a packet that may change a state', rootOnly(), () => {
  const nat = KINDS.find(({ name }) => name === 'nat4')!;
  let side: FastSide;

  beforeEach(() => {
    side = new FastSide();
  });
  afterEach(() => side.close());

  const ask = (flags: number, port = 1000): Uint8Array => tcp(CLIENT, port, nat.vip, nat.port, flags);
  const answer = (flags: number): Uint8Array => tcp(nat.server, nat.serverPort, CLIENT, 1000, flags);
  const word = (c: number, at: number): number => side.ipvs.conns.hot[(c << HOT_SHIFT) + at]!;
  const state = (c: number): number => word(c, C_STATE) & 0xff;
  const connect = (): number => {
    const c = side.director.connect(nat, TCP, CLIENT, 1000);
    side.cache.flush();
    return c;
  };
  const reported = (): number => {
    side.replay();
    return side.cache.counters.reported;
  };

  test('is carried, and does to the connection what it did', () => {
    const c = connect();
    const [svc] = [...side.ipvs.services].filter(({ stats }) => stats.conns === 1);
    assert.equal(side.run(ask(FIN | ACK)), CARRIED);
    assert.equal(state(c), TCP_S_ESTABLISHED);
    side.replay();
    assert.equal(state(c), TCP_S_CLOSE_WAIT);
    assert.ok(Math.abs(word(c, C_EXPIRES) - 60 * HZ) < 5 * HZ, `${word(c, C_EXPIRES)}`);
    const [dest] = svc!.destinations;
    assert.deepEqual([dest!.activeconns, dest!.inactconns], [0, 1]);
    // half-closed, and still the kernel's
    for (let i = 0; i < 3; i++) assert.equal(side.run(answer(ACK)), CARRIED);
    assert.equal(side.run(answer(RST)), CARRIED);
    side.replay();
    assert.equal(state(c), TCP_S_CLOSE);
    assert.equal(side.cache.counters.carried, 1);
  });

  test('is all that is reported', () => {
    connect();
    side.run(ask(ACK), 10);
    side.run(answer(ACK), 10);
    assert.equal(reported(), 0);
    side.run(ask(FIN | ACK));
    side.run(answer(ACK), 10);
    assert.equal(reported(), 1);
  });

  test('is an acknowledgement too while the connection opens, once', () => {
    side.packet(ask(SYN), false);
    assert.equal(side.run(answer(SYN | ACK)), CARRIED);
    assert.equal(reported(), 1);
    for (let i = 0; i < 5; i++) assert.equal(side.run(ask(ACK)), CARRIED);
    assert.equal(reported(), 2);
    assert.equal(state(0), TCP_S_ESTABLISHED);
  });

  test('takes the slow path when it begins a connection', () => {
    connect();
    assert.equal(side.run(ask(SYN)), LEFT);
    assert.equal(side.run(ask(SYN | ACK)), LEFT);
    assert.equal(side.run(answer(SYN)), LEFT);
    assert.equal(reported(), 0);
  });

  test('takes the slow path when nothing more can be reported', () => {
    // by direct routing a packet stays what it is, but for its hops
    const direct = KINDS.find(({ name }) => name === 'direct4')!;
    side.director.connect(direct, TCP, CLIENT, 1000);
    side.cache.flush();
    const to = (flags: number): Uint8Array => tcp(CLIENT, 1000, direct.vip, direct.port, flags);
    side.fillReports(to(RST));
    assert.equal(side.run(to(RST)), LEFT);
    // which changes nothing for the others
    assert.equal(side.run(to(ACK)), CARRIED);
    side.replay();
    assert.equal(side.run(to(RST)), CARRIED);
  });

  test('that ends the connection ends its flows a second later, when nothing is under way any more', () => {
    const c = connect();
    side.run(ask(ACK));
    side.run(ask(RST));
    side.replay();
    side.cache.retire();
    side.cache.flush();
    assert.equal(side.run(ask(ACK)), CARRIED);
    const packets = word(c, C_INPKTS);
    side.turn();
    assert.equal(side.run(ask(ACK)), LEFT);
    assert.equal(side.cache.counters.carried, 0);
    assert.equal(state(c), TCP_S_CLOSE);
    assert.equal(word(c, C_INPKTS) - packets, 3);
    // what comes nevertheless is the engine's
    side.packet(ask(ACK), false);
    assert.equal(side.run(ask(ACK)), LEFT);
  });

  test('of a connection that is over is forgotten, whoever has its place', () => {
    connect();
    side.run(ask(RST));
    connDelete(side.ipvs, 0);
    const c = connect();
    assert.equal(c, 0);
    assert.equal(reported(), 1);
    assert.equal(state(c), TCP_S_ESTABLISHED);
  });

  test('is the first answer to a datagram of a persistent service, which proves its template', () => {
    const addr = parseInet(nat.vip)!;
    const id = { family: addr.family, protocol: UDP, addr, port: nat.port, fwmark: 0 } as const;
    side.ipvs.editService({
      ...id,
      schedName: 'rr',
      peName: '',
      flags: SVC_F_PERSISTENT,
      timeout: 300,
      netmask: -1,
    });
    for (let i = 0; i < 2; i++) side.packet(udp(CLIENT, 1000, nat.vip, nat.port), false);
    const template = word(1, C_CONTROL) - 1;
    for (let i = 0; i < 3; i++)
      assert.equal(side.run(udp(nat.server, nat.serverPort, CLIENT, 1000)), CARRIED);
    assert.equal(state(template), 0);
    assert.equal(reported(), 1);
    assert.equal(state(template), 1);
  });
});
