import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IpvsError } from '../../errors.js';
import { AF_INET, inet4 } from '../../wire/inet.js';
import { connNew } from '../conn.js';
import { C_STATE, C_TIMEOUT, HOT_SHIFT } from '../conn-table.js';
import { CONN_F_TEMPLATE, IPPROTO_TCP, IPPROTO_UDP } from '../flags.js';
import type { Host, SyncSender, SyncSocketOptions } from '../host.js';
import { Net } from '../net.js';
import { TCP_S_ESTABLISHED, TCP_S_FIN_WAIT, TCP_S_SYN_RECV } from '../tcp-states.js';
import { syncConn } from './master.js';
import { decodeMessage } from './message.js';

/** Port and message, in the order sent. */
type Sent = readonly [number, Uint8Array];

/** A master on a host that writes down what it is given to send. */
class Bed {
  readonly sent: Sent[] = [];
  readonly opened: SyncSocketOptions[] = [];
  closed = 0;
  /** How many messages the socket takes. */
  room = Number.POSITIVE_INFINITY;
  readonly net: Net;
  now = 0;

  constructor(settings: Record<string, string> = {}, maxlen = 1472, failing = Number.NaN) {
    const open = (options: SyncSocketOptions): SyncSender => {
      if (this.opened.length === failing) throw new IpvsError('NO_NETWORK');
      this.opened.push(options);
      return {
        send: (message) => {
          if (this.room === 0) return false;
          this.room--;
          this.sent.push([options.port, message.slice()]);
          return true;
        },
        close: () => {
          this.closed++;
        },
      };
    };
    const host: Host = {
      routeGeneration: 0,
      route: () => undefined,
      addrType: () => 'unicast',
      isLocal: () => false,
      transmit: () => {},
      icmpSend: () => {},
      updatePmtu: () => {},
      unprivilegedPortStart: 1024,
      availablePages: () => 32_000,
      interfaceMtu: (name) => (name === 's0' ? 9000 : undefined),
      openSyncSender: open,
      openSyncReceiver: open,
    };
    this.net = new Net({ host, random: () => 7, connLimit: 1024 });
    this.set({ sync_threshold: '0 1', ...settings });
    this.net.ipvs.startDaemon({ state: 'master', interface: 's0', syncid: 7, maxlen });
  }

  set(settings: Record<string, string>): void {
    for (const [name, value] of Object.entries(settings)) this.net.ipvs.sysctls.set(name, value);
  }

  /** A connection of client port `port`. */
  conn(port: number, protocol: number = IPPROTO_UDP, flags = 0): number {
    const [caddr, vaddr, daddr] = [inet4(1).words, inet4(2).words, inet4(3).words];
    const key = { family: AF_INET, protocol, caddr, cport: port, vaddr, vport: 53 } as const;
    return connNew(this.net.ipvs, key, AF_INET, daddr, 53, flags, null, 0);
  }

  tell(c: number, pkts = 1): void {
    syncConn(this.net.ipvs, c, pkts);
  }

  /** Lets ms pass. */
  wait(ms: number): void {
    this.now += ms;
    this.net.advance(this.now);
  }

  /** Client ports in the messages sent so far. */
  get ports(): number[][] {
    return this.sent.map(([, bytes]) => decodeMessage(bytes, 7)!.entries.map((e) => e.cport));
  }
}

/** Only one entry fits into a message. */
const SHORT = 50;

describe('a message', () => {
  it('waits two seconds for more to say, and up to one more for its thread to look', () => {
    const bed = new Bed();
    bed.wait(500);
    bed.tell(bed.conn(1));
    bed.wait(1000);
    bed.tell(bed.conn(2));
    bed.wait(990);
    assert.deepEqual(bed.ports, []);
    bed.wait(1100);
    assert.deepEqual(bed.ports, [[1, 2]]);
  });

  it('goes 20 ms after the next one was begun', () => {
    const bed = new Bed({}, SHORT);
    for (const port of [1, 2, 3]) bed.tell(bed.conn(port));
    assert.deepEqual(bed.ports, []);
    bed.wait(40);
    assert.deepEqual(bed.ports, [[1], [2]]);
  });

  it('goes at once when eight wait', () => {
    const bed = new Bed({}, SHORT);
    for (let port = 1; port <= 8; port++) bed.tell(bed.conn(port));
    assert.deepEqual(bed.ports, []);
    bed.tell(bed.conn(9));
    assert.deepEqual(bed.ports, [[1], [2], [3], [4], [5], [6], [7], [8]]);
  });

  it('is thrown away when sync_qlen_max of them wait', () => {
    const bed = new Bed({ sync_qlen_max: '2' }, SHORT);
    for (let port = 1; port <= 5; port++) bed.tell(bed.conn(port));
    bed.wait(3200);
    assert.deepEqual(bed.ports, [[1], [2], [5]]);
  });

  it('stays while the socket is full, and nothing overtakes it', () => {
    const bed = new Bed({}, SHORT);
    bed.room = 1;
    for (const port of [1, 2, 3, 4]) bed.tell(bed.conn(port));
    bed.wait(1000);
    assert.deepEqual(bed.ports, [[1]]);
    bed.room = 1;
    bed.wait(20);
    assert.deepEqual(bed.ports, [[1], [2]]);
    bed.room = 9;
    bed.wait(3200);
    assert.deepEqual(bed.ports, [[1], [2], [3], [4]]);
  });

  it('is of one version', () => {
    const bed = new Bed();
    bed.tell(bed.conn(1));
    bed.set({ sync_version: '0' });
    bed.tell(bed.conn(2));
    bed.wait(3200);
    assert.deepEqual(
      bed.sent.map(([, bytes]) => decodeMessage(bytes, 7)!.version),
      [1, 0],
    );
  });

  it('is lost when the master stops', () => {
    const bed = new Bed({}, SHORT);
    for (const port of [1, 2, 3]) bed.tell(bed.conn(port));
    bed.net.ipvs.stopDaemon('master');
    bed.wait(5000);
    assert.deepEqual(bed.ports, []);
    assert.equal(bed.closed, 1);
  });
});

describe('threads', () => {
  it('are sync_ports many, each with a port; a connection keeps to its own', () => {
    const bed = new Bed({ sync_ports: '4', sync_sock_size: '9999' }, SHORT);
    assert.deepEqual(
      bed.opened.map(({ port, bufferSize }) => [port, bufferSize]),
      [8848, 8849, 8850, 8851].map((port) => [port, 9999]),
    );
    const conns = Array.from({ length: 16 }, (_, i) => bed.conn(i + 1));
    for (let round = 0; round < 3; round++) for (const c of conns) bed.tell(c);
    bed.wait(4000);
    assert.equal(bed.sent.length, 48);
    const portOf = new Map<number, number>();
    for (const [port, bytes] of bed.sent) {
      const { cport } = decodeMessage(bytes, 7)!.entries[0]!;
      assert.equal(portOf.get(cport) ?? port, port);
      portOf.set(cport, port);
    }
    assert.equal(new Set(portOf.values()).size, 4);
  });

  it('are as many for both daemons, whatever sync_ports is by then', () => {
    const bed = new Bed({ sync_ports: '2' });
    bed.set({ sync_ports: '8' });
    bed.net.ipvs.startDaemon({ state: 'backup', interface: 's0', syncid: 7 });
    assert.equal(bed.opened.length, 4);
    assert.deepEqual(
      bed.net.ipvs.daemons().map(({ state, maxlen }) => [state, maxlen]),
      [
        ['master', 1472],
        ['backup', 8972],
      ],
    );
  });

  it('start all or none', () => {
    assert.throws(() => new Bed({ sync_ports: '4' }, 1472, 2), { code: 'NO_NETWORK' });
    const bed = new Bed({ sync_ports: '4' }, 1472, 6);
    assert.throws(() => bed.net.ipvs.startDaemon({ state: 'backup', interface: 's0', syncid: 7 }), {
      code: 'NO_NETWORK',
    });
    assert.equal(bed.closed, 2);
    assert.equal(bed.net.ipvs.daemons().length, 1);
  });
});

describe('a connection is told', () => {
  it('in the states of TCP that a backup can go on from', () => {
    const bed = new Bed();
    const c = bed.conn(1, IPPROTO_TCP);
    const { hot } = bed.net.ipvs.conns;
    for (const state of [TCP_S_SYN_RECV, TCP_S_ESTABLISHED, TCP_S_FIN_WAIT]) {
      hot[(c << HOT_SHIFT) + C_STATE] = (hot[(c << HOT_SHIFT) + C_STATE]! & ~0xffff) | state;
      bed.tell(c);
    }
    bed.wait(3200);
    const states = decodeMessage(bed.sent[0]![1], 7)!.entries.map((e) => e.state);
    assert.deepEqual(states, [TCP_S_ESTABLISHED, TCP_S_FIN_WAIT]);
  });

  it('by sync_threshold: the third packet, and each fiftieth from there on', () => {
    const bed = new Bed({ sync_threshold: '3 50' });
    const c = bed.conn(1);
    const told: number[] = [];
    for (let pkts = 1; pkts <= 160; pkts++) {
      const before = bed.net.ipvs.ms![0]!.open?.message().length ?? 0;
      bed.tell(c, pkts);
      if ((bed.net.ipvs.ms![0]!.open?.message().length ?? 0) > before) told.push(pkts);
    }
    assert.deepEqual(told, [3, 53, 103, 153]);
  });

  it('by sync_refresh_period: when its end has moved by that, and sync_retries times in between', () => {
    const bed = new Bed({ sync_threshold: '0 0', sync_refresh_period: '16', sync_retries: '1' });
    const c = bed.conn(1);
    bed.net.ipvs.conns.hot[(c << HOT_SHIFT) + C_TIMEOUT] = 300 * bed.net.hz;
    const told: number[] = [];
    for (let second = 0; second < 40; second++) {
      const before = bed.net.ipvs.ms![0]!.open;
      const length = before?.message().length ?? 0;
      bed.tell(c, second + 1);
      const after = bed.net.ipvs.ms![0]!.open;
      if (after !== undefined && (after !== before || after.message().length > length)) told.push(second);
      bed.wait(1000);
    }
    // again an eighth of the period later, then not before more than the whole of it has passed
    assert.deepEqual(told, [0, 2, 19, 21, 38]);
  });

  it('a template, whatever number of packets it has controlled', () => {
    const bed = new Bed({ sync_threshold: '3 50' });
    bed.tell(bed.conn(0, IPPROTO_TCP, CONN_F_TEMPLATE), 17);
    bed.wait(3200);
    assert.deepEqual(bed.ports, [[0]]);
  });
});
