/** Draining a server: who is still served, when it goes, and what whoever is left is told. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CLIENT, EngineBench, VIP } from '../../test/support/engine-bench.js';
import { ACK, FIN, frag4, PSH, RST, SYN, TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { parseInet } from '../wire/inet.js';
import type { Drained } from './drain.js';
import { CONN_F_DROUTE, CONN_F_TUNNEL, SVC_F_PERSISTENT } from './flags.js';
import type { Service } from './service.js';
import { NF_DROP, NF_STOLEN } from './verdict.js';

const [A, B] = ['10.2.0.1', '10.2.0.2'];
let bench: EngineBench;
let svc: Service;
let gone: Omit<Drained, 'dest'>[];

beforeEach(() => {
  bench = new EngineBench();
  gone = [];
  bench.net.ipvs.onDrained = ({ reason, connections }) => gone.push({ reason, connections });
});

/** A service with server A, whose clients have these ports; server B comes afterwards. */
function establish(
  ports: readonly number[],
  connFlags = 0,
  client = CLIENT,
  vip = VIP,
  [a, b] = [A, B],
): void {
  svc = bench.service(
    TCP,
    {},
    {
      addr: parseInet(vip)!,
      family: vip.includes(':') ? 10 : 2,
      netmask: vip.includes(':') ? 128 : 0xffff_ffff,
    },
  );
  bench.server(svc, a!, { connFlags });
  for (const port of ports) {
    bench.receive(tcp(client, port, vip, 80, SYN, { seq: 99 }));
    if (connFlags === 0) bench.forward(tcp(a!, 80, client, port, SYN | ACK, { seq: 499, ack: 100 }));
    bench.receive(tcp(client, port, vip, 80, ACK, { seq: 100, ack: 500 }));
  }
  bench.server(svc, b!, { connFlags });
}

const destA = { addr: parseInet(A)!, port: 80 };

describe('a server that drains', () => {
  test('takes no new connections, and keeps those that it has', () => {
    establish([1001]);
    bench.drain(svc, A);
    assert.deepEqual(bench.weights(svc), { [A]: 0, [B]: 1 });
    for (const port of [1002, 1003]) bench.receive(tcp(CLIENT, port, VIP, 80, SYN));
    bench.pass(5);
    assert.deepEqual(bench.conns(), [
      '1001 10.2.0.1 ESTABLISHED',
      '1002 10.2.0.2 SYN_RECV',
      '1003 10.2.0.2 SYN_RECV',
    ]);
    const { sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 500 }));
    assert.match(sent[0]!, /> 10\.2\.0\.1\.80 .* seq=100 ack=500/);
    assert.deepEqual(gone, []);
  });

  test('goes when its connections have ended and nothing more was heard of them for two seconds', () => {
    establish([1001]);
    bench.drain(svc, A);
    bench.pass(3);
    bench.receive(tcp(CLIENT, 1001, VIP, 80, FIN | ACK, { seq: 100, ack: 500 }));
    bench.pass(1.5);
    assert.match(
      bench.forward(tcp(A, 80, CLIENT, 1001, ACK, { seq: 500, ack: 101, data: new Uint8Array(9) })),
      /^10\.1\.0\.100\.80/,
    );
    bench.pass(1.5);
    assert.deepEqual(gone, [], 'half-closed, and the answer still comes');
    bench.pass(1);
    assert.deepEqual(gone, [{ reason: 'idle', connections: 1 }]);
    assert.deepEqual(bench.weights(svc), { [B]: 1 });
  });

  test('goes at once when it has none', () => {
    establish([]);
    bench.drain(svc, A);
    bench.pass(1);
    assert.deepEqual(gone, [{ reason: 'idle', connections: 0 }]);
  });

  test('goes at its deadline at the latest; without one it waits', () => {
    establish([1001]);
    bench.drain(svc, A, 'none', 10);
    bench.pass(9.4);
    assert.deepEqual(gone, []);
    bench.pass(1.2);
    assert.deepEqual(gone, [{ reason: 'deadline', connections: 1 }]);
    bench.server(svc, A);
    bench.drain(svc, A, 'none', 0);
    bench.pass(800);
    assert.deepEqual(bench.weights(svc), { [A]: 0, [B]: 1 });
  });

  test('may stay after all, with the weight that it had, or was given meanwhile', () => {
    establish([1001]);
    bench.server(svc, A, { weight: 7 });
    bench.drain(svc, A);
    bench.net.ipvs.undrainDest(svc, destA);
    assert.deepEqual(bench.weights(svc), { [A]: 7, [B]: 1 });
    bench.drain(svc, A);
    bench.net.ipvs.editDest(svc, {
      ...destA,
      connFlags: 0,
      weight: 3,
      uThreshold: 0,
      lThreshold: 0,
      tunType: 0,
      tunPort: 0,
      tunFlags: 0,
    });
    assert.equal(bench.weights(svc)[A], 0, 'a change of weight is no reason to come back');
    bench.net.ipvs.undrainDest(svc, destA);
    assert.equal(bench.weights(svc)[A], 3);
    assert.throws(() => bench.net.ipvs.undrainDest(svc, destA), { code: 'INVALID' });
    bench.pass(60);
    assert.deepEqual(gone, []);
  });

  test('may be added again, as one in the trash', () => {
    establish([1001]);
    bench.drain(svc, A);
    bench.server(svc, A, { weight: 5 });
    bench.pass(60);
    assert.deepEqual(bench.weights(svc), { [A]: 5, [B]: 1 });
  });

  test('is gone when it is deleted, or its service', () => {
    establish([1001]);
    bench.drain(svc, A, 'rst');
    bench.net.ipvs.delDest(svc, destA);
    bench.drain(svc, B, 'rst');
    bench.net.ipvs.delService(svc);
    bench.pass(60);
    assert.deepEqual([gone, bench.net.ipvs.draining.size], [[], 0]);
  });

  for (const quiescent of [0, 1]) {
    test(`with expire_quiescent_template=${quiescent} its persistent clients ${quiescent ? 'go elsewhere' : 'come back to it'}`, () => {
      svc = bench.service(TCP, {}, { flags: SVC_F_PERSISTENT, timeout: 360 });
      bench.net.ipvs.sysctls.set('expire_quiescent_template', String(quiescent));
      bench.server(svc, A);
      bench.receive(tcp(CLIENT, 1001, VIP, 80, SYN));
      bench.server(svc, B);
      bench.drain(svc, A);
      bench.receive(tcp(CLIENT, 1002, VIP, 80, SYN));
      assert.ok(bench.conns().includes(`1002 ${quiescent ? B : A} SYN_RECV`), bench.conns().join());
    });
  }
});

describe('what is left at the deadline', () => {
  test('is dropped silently by default', () => {
    establish([1001]);
    bench.drain(svc, A, 'none', 1);
    bench.pass(1.2);
    const { verdict, sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 500 }));
    assert.deepEqual([verdict, sent], [NF_DROP, []]);
  });

  for (const [name, connFlags, reset] of [
    ['NAT', 0, '10.9.0.1.1001 > 10.2.0.1.80 p6 ttl=63 DF [R] seq=100 ack=0 len=0'],
    ['direct routing', CONN_F_DROUTE, '10.9.0.1.1001 > 10.1.0.100.80 p6 ttl=63 DF [R] seq=100 ack=0 len=0'],
  ] as const) {
    test(`with rst is reset on both sides, with the numbers that they expect: ${name}`, () => {
      establish([1001], connFlags);
      bench.drain(svc, A, 'rst', 1);
      bench.pass(1.2);
      bench.taken();
      const { verdict, sent } = bench.receive(
        tcp(CLIENT, 1001, VIP, 80, PSH | ACK, { seq: 100, ack: 700, data: new Uint8Array(33) }),
      );
      assert.equal(verdict, NF_STOLEN);
      assert.deepEqual(sent, ['10.1.0.100.80 > 10.9.0.1.1001 p6 ttl=64 [R] seq=700 ack=0 len=0', reset]);
      assert.deepEqual(bench.conns(), ['1001 10.2.0.1 CLOSE']);
    });
  }

  test('with rst is reset inside its tunnel', () => {
    establish([1001], CONN_F_TUNNEL);
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.2);
    bench.taken();
    const { sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 700 }));
    assert.match(
      sent[1]!,
      /> 10\.2\.0\.1 p4 .*\{10\.9\.0\.1\.1001 > 10\.1\.0\.100\.80 p6 .*\[R\] seq=100 ack=0 len=0\}$/,
    );
  });

  test('with rst is reset over IPv6', () => {
    establish([1001], 0, 'fd00:9::1', 'fd00:1::100', ['fd00:2::11', 'fd00:2::12']);
    bench.drain(svc, 'fd00:2::11', 'rst', 1);
    bench.pass(1.2);
    bench.taken();
    const { sent } = bench.receive(
      tcp('fd00:9::1', 1001, 'fd00:1::100', 80, ACK, { seq: 100, ack: 700, data: new Uint8Array(5) }),
    );
    assert.deepEqual(sent, [
      'fd00:1::100.80 > fd00:9::1.1001 p6 ttl=64 [R] seq=700 ack=0 len=0',
      'fd00:9::1.1001 > fd00:2::11.80 p6 ttl=63 [R] seq=100 ack=0 len=0',
    ]);
  });

  test('with rst idle clients are asked twice where they are, by a SYN that is none of theirs', () => {
    establish([1001, 1002]);
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.5);
    const asked = bench.taken();
    assert.equal(asked.length, 2);
    for (const probe of asked)
      assert.match(probe, /^10\.1\.0\.100\.80 > 10\.9\.0\.1\.100[12] p6 ttl=64 \[S\] seq=\d+ ack=0 len=0$/);
    bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 500 }));
    bench.pass(1);
    assert.match(
      bench.taken().join(),
      /^10\.1\.0\.100\.80 > 10\.9\.0\.1\.1002 p6 ttl=64 \[S\]/,
      'who has answered is not asked again',
    );
    bench.pass(10);
    assert.deepEqual([bench.taken(), bench.net.ipvs.endings], [[], []]);
  });

  test('with rst a reset of the client’s goes on to the server, and is not answered', () => {
    establish([1001]);
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.2);
    const { sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, RST, { seq: 100 }));
    assert.deepEqual(sent, ['10.9.0.1.1001 > 10.2.0.1.80 p6 ttl=63 DF [R] seq=100 ack=0 len=0']);
  });

  test('does not stand in the way of a new connection from the same port', () => {
    establish([1001]);
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.2);
    bench.taken();
    const { sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, SYN));
    assert.match(sent[0]!, /> 10\.2\.0\.2\.80 .*\[S\]/);
  });

  test('with icmp, or of UDP, is told by ICMP; a client of UDP then has another server', () => {
    establish([1001]);
    bench.drain(svc, A, 'icmp', 1);
    const dns = bench.service(UDP);
    bench.server(dns, A);
    bench.receive(udp(CLIENT, 2001, VIP, 80));
    bench.server(dns, B);
    bench.drain(dns, A, 'rst', 1);
    bench.pass(0.6);
    bench.receive(udp(CLIENT, 2001, VIP, 80));
    bench.pass(0.6);
    bench.taken();
    for (let again = 0; again < 2; again++) {
      const { verdict, sent } = bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 500 }));
      assert.equal(verdict, NF_DROP);
      assert.match(sent.join(), /^icmp 3\/3 about 10\.9\.0\.1\.1001 > 10\.1\.0\.100\.80 p6/);
    }
    assert.match(bench.receive(udp(CLIENT, 2001, VIP, 80)).sent.join(), /^icmp 3\/3 about 10\.9\.0\.1\.2001/);
    bench.pass(0.1);
    assert.match(bench.receive(udp(CLIENT, 2001, VIP, 80)).sent.join(), /> 10\.2\.0\.2\.80 p17/);
  });

  test('is told even where expire_nodest_conn would have it forgotten; fragments and stumps are dropped', () => {
    establish([1001]);
    bench.net.ipvs.sysctls.set('expire_nodest_conn', '1');
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.2);
    bench.taken();
    const whole = tcp(CLIENT, 1001, VIP, 80, ACK, {
      seq: 100,
      ack: 700,
      data: new Uint8Array(64),
      df: false,
    });
    assert.equal(bench.receive(frag4(whole, 48)[1]!).sent.length, 0);
    assert.equal(bench.receive(whole).sent.length, 2);
  });

  test('stays with the server when it is added again', () => {
    establish([1001]);
    bench.drain(svc, A, 'rst', 1);
    bench.pass(1.2);
    bench.server(svc, A);
    bench.taken();
    bench.pass(5);
    assert.deepEqual(bench.taken(), []);
    assert.match(
      bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK, { seq: 100, ack: 700 })).sent.join(),
      /\[A\] seq=100 ack=700/,
    );
  });
});
