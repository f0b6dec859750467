/** What the engine promises a fast path: when it offers a connection, asks about it, and takes it back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCarriable } from '../../src/datapath/fast/flows-of.js';
import { C_EXPIRES, C_FLAGS, HOT_SHIFT } from '../../src/engine/conn-table.js';
import type { FastPath } from '../../src/engine/fast-path.js';
import { CONN_F_CARRIED } from '../../src/engine/flags.js';
import { parseInet } from '../../src/wire/inet.js';
import { ACK, FIN, RST, SCTP, type SctpChunk, SYN, sctp, TCP, tcp, UDP } from '../support/packets.js';
import { KINDS, type Kind, VectorDirector } from './director.js';

const HZ = 100;
const CLIENT = { 4: '10.9.9.9', 6: '2001:db8:9::9' };

/** Takes every connection, and writes down what it is told. */
class Recorder implements FastPath {
  carried(): undefined {}
  readonly log: string[] = [];
  /** Jiffies by which a carried connection is prolonged when it is asked. */
  prolong = 0;
  readonly #director: VectorDirector;

  constructor(director: VectorDirector) {
    this.#director = director;
    director.net.ipvs.fastPath = this;
  }

  used(c: number): void {
    this.log.push('used');
    this.#flags(c, CONN_F_CARRIED, 0);
  }

  replay(): void {
    this.log.push('replay');
  }

  settle(c: number): void {
    this.log.push('settle');
    this.#director.net.ipvs.conns.hot[(c << HOT_SHIFT) + C_EXPIRES]! += this.prolong;
  }

  withdraw(c: number): void {
    this.log.push('withdraw');
    this.#flags(c, 0, CONN_F_CARRIED);
  }

  ended(c: number): void {
    this.log.push('ended');
    this.#flags(c, 0, CONN_F_CARRIED);
  }

  fold(): void {
    this.log.push('fold');
  }

  #flags(c: number, set: number, clear: number): void {
    const { hot } = this.#director.net.ipvs.conns;
    const at = (c << HOT_SHIFT) + C_FLAGS;
    hot[at] = (hot[at]! & ~clear) | set;
  }
}

function clientOf({ vip }: Kind): string {
  return CLIENT[vip.includes(':') ? 6 : 4];
}

function setUp(name: string, protocol: number) {
  const director = new VectorDirector();
  const kind = KINDS.find((kind) => kind.name === name)!;
  const client = clientOf(kind);
  const c = director.connect(kind, protocol, client, 4000);
  const fast = new Recorder(director);
  director.onTransmit = () => fast.log.push('transmit');
  const send = (flags: number): void =>
    void director.receive(tcp(client, 4000, kind.vip, kind.port, flags), false);
  const answer = (flags: number): void =>
    void director.receive(tcp(kind.server, kind.serverPort, client, 4000, flags), true);
  return { director, kind, c, fast, send, answer };
}

for (const name of ['nat4', 'nat6', 'direct4', 'direct6', 'tunnel 4in4', 'tunnel 6in4']) {
  describe(`a connection by ${name}`, () => {
    test('is offered with each packet that the engine sees', () => {
      const { fast, send, answer, kind } = setUp(name, TCP);
      send(ACK);
      if (kind.name.startsWith('nat')) answer(ACK);
      assert.equal(fast.log.filter((what) => what === 'used').length, kind.name.startsWith('nat') ? 2 : 1);
      assert.ok(!fast.log.includes('withdraw'));
    });

    for (const [what, flags] of [
      ['FIN', FIN | ACK],
      ['RST', RST],
    ] as const) {
      test(`stays with it after a ${what}, and is taken back before a SYN opens it again`, () => {
        const { fast, send, director } = setUp(name, TCP);
        director.net.ipvs.sysctls.set('conn_reuse_mode', '0');
        send(ACK);
        send(flags);
        assert.ok(!fast.log.includes('withdraw'));
        fast.log.length = 0;
        // from here on an acknowledgement counts
        send(SYN);
        assert.deepEqual(
          fast.log.filter((event) => event !== 'used'),
          ['withdraw', 'transmit'],
        );
      });
    }
  });
}

for (const name of ['nat4', 'nat6', 'direct4', 'tunnel 4in4']) {
  test(`an SCTP connection by ${name} is taken back before a SHUTDOWN goes on, and not given again`, () => {
    const { director, fast, c, kind } = setUp(name, SCTP);
    const send = (chunk: SctpChunk): void =>
      void director.receive(sctp(clientOf(kind), 4000, kind.vip, kind.port, [chunk]), false);
    assert.ok(isCarriable(director.net.ipvs, c));
    send('data');
    assert.deepEqual(
      fast.log.filter((event) => event !== 'transmit'),
      ['used'],
    );
    fast.log.length = 0;
    send('shutdown');
    assert.deepEqual(
      fast.log.filter((event) => event !== 'used'),
      ['withdraw', 'transmit'],
    );
    assert.ok(!isCarriable(director.net.ipvs, c));
  });
}

test('no SCTP connection is carried to another port: its CRC would have to be made anew', () => {
  const { director, c } = setUp('nat4 to another port', SCTP);
  assert.ok(!isCarriable(director.net.ipvs, c));
});

describe('the fast path', () => {
  test('is asked before a carried connection ends, and told when it does', () => {
    const { director, fast, send, c } = setUp('nat4', TCP);
    send(ACK);
    fast.log.length = 0;
    fast.prolong = 300 * HZ;
    director.net.advance(960_000);
    assert.deepEqual(
      fast.log.filter((what) => what !== 'fold'),
      ['settle'],
    );
    assert.ok(director.net.ipvs.conns.isUsed(c));
    fast.prolong = 0;
    fast.log.length = 0;
    director.net.advance(1_500_000);
    assert.deepEqual(
      fast.log.filter((what) => what !== 'fold'),
      ['settle', 'ended'],
    );
    assert.ok(!director.net.ipvs.conns.isUsed(c));
  });

  test('is asked for listings', () => {
    const { director, fast, send } = setUp('nat4', TCP);
    send(ACK);
    fast.log.length = 0;
    fast.prolong = 100 * HZ;
    const [row] = director.net.ipvs.listConns(0, 10).entries;
    assert.equal(row!.expires, 1000);
  });

  test('adds its counts before the estimator takes a sample, and before a dest is removed', () => {
    const { director, fast, kind } = setUp('nat4', TCP);
    director.net.advance(2500);
    assert.ok(fast.log.includes('fold'));
    fast.log.length = 0;
    const addr = parseInet(kind.vip)!;
    const id = { family: addr.family, protocol: TCP, addr, port: kind.port, fwmark: 0 } as const;
    director.net.ipvs.delDest(id, { addr: parseInet(kind.server)!, port: kind.serverPort });
    assert.deepEqual(fast.log, ['fold']);
  });

  test('loses a connection that is begun anew', () => {
    const { director, fast, send, answer, kind } = setUp('nat4', TCP);
    send(FIN | ACK);
    answer(FIN | ACK);
    send(ACK);
    fast.log.length = 0;
    // TIME_WAIT: a new connection from the same port
    director.receive(tcp(CLIENT[4], 4000, kind.vip, kind.port, SYN), false);
    assert.equal(fast.log[0], 'withdraw');
  });

  test('is not told of what is no connection', () => {
    const { director, fast } = setUp('nat4', UDP);
    director.receive(tcp('10.9.9.1', 1, '10.9.9.2', 2, ACK), false);
    assert.deepEqual(fast.log, []);
  });
});
