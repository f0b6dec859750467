/** What services can be told beyond what the kernel has words for. Without it nothing is different. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { CLIENT, EngineBench, VIP } from '../../test/support/engine-bench.js';
import { makePartial, packetOf } from '../../test/support/packet-of.js';
import { ACK, FIN, SYN, TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { checksum, pseudoSum4, pseudoSum6 } from '../wire/checksum.js';
import { parseInet } from '../wire/inet.js';
import { mssOffset } from '../wire/tcp-options.js';
import { CONN_F_MASQ, CONN_F_TUNNEL, SVC_F_PERSISTENT, TUNNEL_TYPE_GRE } from './flags.js';
import type { Service, ServiceId } from './service.js';
import type { ServiceOptions } from './service-options.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from './verdict.js';

const [A, B] = ['10.2.0.1', '10.2.0.2'];
let bench: EngineBench;
beforeEach(() => {
  bench = new EngineBench();
});

const idOf = ({ family, protocol, addr, port, fwmark }: Service): ServiceId => ({
  family,
  protocol,
  addr,
  port,
  fwmark,
});
const syn = (port: number): Uint8Array => tcp(CLIENT, port, VIP, 80, SYN);
/** A connection of NAT server A, established. */
function connect(port: number): void {
  bench.receive(syn(port));
  bench.forward(tcp(A, 80, CLIENT, port, SYN | ACK));
  bench.receive(tcp(CLIENT, port, VIP, 80, ACK));
}

describe('options', () => {
  test('stay when an edit says nothing of them, change alone, and go when they are replaced', () => {
    const svc = bench.service(TCP, { name: 'shop', labels: { team: 'web' }, reusePorts: true });
    const edit = (options?: { values: ServiceOptions; replace: boolean }) =>
      bench.net.ipvs.editService({
        ...idOf(svc),
        schedName: 'wlc',
        peName: '',
        flags: 0,
        timeout: 0,
        netmask: 0xffff_ffff,
        ...(options && { options }),
      });
    edit();
    assert.deepEqual(svc.options, { name: 'shop', labels: { team: 'web' }, reusePorts: true });
    edit({ values: { labels: {}, clearUdp: true, reusePorts: false }, replace: false });
    assert.deepEqual(svc.options, { name: 'shop', clearUdp: true });
    assert.equal(bench.net.ipvs.portReusers, 0);
    edit({ values: { name: 'x' }, replace: true });
    assert.deepEqual(svc.options, { name: 'x' });
  });

  test('cost the packet path nothing once no service has them', () => {
    const svc = bench.service(TCP, { timeouts: { established: 5 }, reusePorts: true, clampMss: true });
    const { ipvs } = bench.net;
    assert.deepEqual([ipvs.ownTimeouts, ipvs.portReusers, ipvs.mssClampers], [1, 1, 1]);
    ipvs.delService(svc);
    assert.deepEqual([ipvs.ownTimeouts, ipvs.portReusers, ipvs.mssClampers], [0, 0, 0]);
  });
});

describe('timeouts of a service', () => {
  test('hold for its states, and for no other and no other service', () => {
    bench.server(bench.service(TCP, { timeouts: { established: 20, time_wait: 3 } }), A);
    connect(1001);
    bench.pass(19);
    bench.receive(tcp(CLIENT, 1001, VIP, 80, ACK));
    bench.pass(19);
    assert.deepEqual(bench.conns(), ['1001 10.2.0.1 ESTABLISHED']);
    bench.pass(2);
    assert.deepEqual(bench.conns(), []);
    connect(1002);
    bench.forward(tcp(A, 80, CLIENT, 1002, FIN | ACK));
    bench.pass(60);
    assert.deepEqual(bench.conns(), ['1002 10.2.0.1 FIN_WAIT'], 'the protocol’s 120 s');
    bench.receive(tcp(CLIENT, 1002, VIP, 80, FIN | ACK));
    bench.pass(4);
    assert.deepEqual(bench.conns(), []);
  });

  test('change with the service, while connections go on', () => {
    const svc = bench.service(UDP);
    bench.server(svc, A);
    const user = { ...idOf(svc), schedName: 'rr', peName: '', flags: 0, timeout: 0, netmask: 0xffff_ffff };
    bench.receive(udp(CLIENT, 1001, VIP, 80));
    bench.net.ipvs.editService({ ...user, options: { values: { timeouts: { udp: 10 } }, replace: true } });
    bench.receive(udp(CLIENT, 1001, VIP, 80));
    bench.pass(11);
    assert.deepEqual(bench.conns(), []);
  });

  test('of a mark are those of every protocol that has the state', () => {
    const svc = bench.service(TCP, { timeouts: { established: 30, udp: 10 } }, { fwmark: 7 });
    assert.deepEqual([...svc.ownTimeouts!.keys()], [6, 132, 17]);
  });

  test('are refused for a state that the protocol does not have; nothing has changed then', () => {
    assert.throws(() => bench.service(TCP, { timeouts: { udp: 10 } }), {
      code: 'INVALID',
      field: 'timeouts.udp',
    });
    assert.equal(bench.net.ipvs.services.size, 0);
  });
});

describe('reusePorts', () => {
  /** A SYN from a port whose connection is in FIN_WAIT, with conn_reuse_mode as it is by default and a second server to go to. */
  const reuse = (options: ServiceOptions, flags = 0): string => {
    const svc = bench.service(TCP, options, { flags, timeout: flags ? 60 : 0 });
    bench.server(svc, A);
    connect(1001);
    bench.forward(tcp(A, 80, CLIENT, 1001, FIN | ACK));
    bench.server(svc, B);
    bench.server(svc, A, { weight: 0 });
    return bench.receive(syn(1001)).sent.join();
  };

  test('schedules a SYN anew at once whose port has a connection that is ending', () => {
    assert.match(reuse({ reusePorts: true }), /> 10\.2\.0\.2\.80 .*\[S\]/);
  });

  test('by default such a SYN goes to the old server', () => {
    assert.match(reuse({}), /> 10\.2\.0\.1\.80 .*\[S\]/);
  });

  test('persistent clients have a new connection too; their template says where', () => {
    assert.match(reuse({ reusePorts: true }, SVC_F_PERSISTENT), /> 10\.2\.0\.1\.80 .*\[S\]/);
    bench.pass(0.1);
    assert.deepEqual(
      bench.conns().filter((line) => line.startsWith('1001')),
      ['1001 10.2.0.1 SYN_RECV'],
    );
  });

  test('leaves connections alone that are not ending, unless their server is gone', () => {
    const svc = bench.service(TCP, { reusePorts: true });
    bench.server(svc, A);
    connect(1001);
    bench.server(svc, B);
    assert.match(bench.receive(syn(1001)).sent.join(), /> 10\.2\.0\.1\.80/);
    bench.net.ipvs.delDest(svc, { addr: parseInet(A)!, port: 80 });
    assert.match(bench.receive(syn(1001)).sent.join(), /> 10\.2\.0\.2\.80/);
  });
});

describe('clearUdp', () => {
  for (const [how, leave] of [
    ['is removed', (id: never) => bench.net.ipvs.delDest(id, { addr: parseInet(A)!, port: 80 })],
    ['gets weight 0', (id: never) => bench.server(id, A, { weight: 0 })],
  ] as const) {
    for (const flags of [0, SVC_F_PERSISTENT]) {
      test(`ends UDP connections${flags ? ' and templates' : ''} of a server that ${how}, and no others`, () => {
        const svc = bench.service(UDP, { clearUdp: true }, { flags, timeout: flags ? 60 : 0 });
        const other = bench.service(TCP, { clearUdp: true });
        bench.server(svc, A);
        bench.server(other, A);
        bench.receive(udp(CLIENT, 1001, VIP, 80));
        bench.receive(syn(1002));
        bench.server(svc, B);
        leave(svc as never);
        leave(other as never);
        assert.deepEqual(bench.conns(), ['1002 10.2.0.1 SYN_RECV']);
        assert.match(bench.receive(udp(CLIENT, 1001, VIP, 80)).sent.join(), /> 10\.2\.0\.2\.80/);
      });
    }
  }

  test('leaves a server that drains its connections until it goes', () => {
    const svc = bench.service(UDP, { clearUdp: true });
    bench.server(svc, A);
    bench.receive(udp(CLIENT, 1001, VIP, 80));
    bench.drain(svc, A);
    assert.deepEqual(bench.conns(), ['1001 10.2.0.1 UDP']);
    bench.pass(5);
    assert.deepEqual(bench.conns(), []);
  });

  test('without it they stay, and go nowhere', () => {
    const svc = bench.service(UDP);
    bench.server(svc, A);
    bench.receive(udp(CLIENT, 1001, VIP, 80));
    bench.net.ipvs.delDest(svc, { addr: parseInet(A)!, port: 80 });
    assert.deepEqual(bench.conns(), ['1001 10.2.0.1 UDP']);
  });
});

describe('clampMss', () => {
  const mss = (value: number, before = 0): Uint8Array =>
    Uint8Array.of(...new Array<number>(before).fill(1), 2, 4, value >> 8, value & 255);
  const families = [
    { client: CLIENT, vip: VIP, server: A, header: 20 },
    { client: 'fd00:9::1', vip: 'fd00:1::100', server: 'fd00:2::11', header: 40 },
  ];
  const service = (vip: string, options: ServiceOptions) =>
    bench.service(TCP, options, {
      addr: parseInet(vip)!,
      family: vip.includes(':') ? 10 : 2,
      netmask: vip.includes(':') ? 128 : 0xffff_ffff,
    });
  /** MSS of a packet's SYN and whether its checksum is right. The IP header is at `at` and has `header` bytes. */
  const read = (bytes: Uint8Array, at: number, header: number): { mss: number; good: boolean } => {
    const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = bytes.length - at - header;
    const pseudo = header === 20 ? pseudoSum4(v, at, TCP, length) : pseudoSum6(v, at, TCP, length);
    return {
      mss: mssOffset(v, at + header) < 0 ? 0 : v.getUint16(mssOffset(v, at + header)),
      good: checksum(v, at + header, length, pseudo) === 0,
    };
  };

  for (const { client, vip, server, header } of families) {
    const outer = header;
    test(`lowers the MSS of a SYN to what fits into the tunnel: ${client}`, () => {
      bench.server(service(vip, { clampMss: true }), server, { connFlags: CONN_F_TUNNEL });
      for (const before of [0, 1, 2, 3]) {
        const [bytes] = bench.send(
          tcp(client, 1000 + before, vip, 80, SYN, { tcpOptions: mss(1460, before) }),
        );
        assert.deepEqual(read(bytes!, outer, header), {
          mss: 1500 - outer - header - 20,
          good: true,
        });
      }
    });

    test(`and of the SYN that answers it, where that passes: ${client}`, () => {
      bench.server(service(vip, { clampMss: true }), server, {
        connFlags: CONN_F_TUNNEL,
        tunType: TUNNEL_TYPE_GRE,
      });
      bench.receive(tcp(client, 1001, vip, 80, SYN));
      const answer = packetOf(tcp(vip, 80, client, 1001, SYN | ACK, { tcpOptions: mss(1460) }));
      bench.net.receive(answer, NF_INET_FORWARD);
      assert.deepEqual(read(answer.payload(), 0, header), {
        mss: 1500 - outer - 4 - header - 20,
        good: true,
      });
    });
  }

  test('lets alone what is small enough, has no MSS, or is not for a tunnel, and everything by default', () => {
    const sent = (options: ServiceOptions, connFlags: number, tcpOptions: Uint8Array): string => {
      bench = new EngineBench();
      bench.server(service(VIP, options), A, { connFlags });
      const [bytes] = bench.send(tcp(CLIENT, 1001, VIP, 80, SYN, { tcpOptions }));
      return Buffer.from(bytes!).toString('hex');
    };
    const clamp = { clampMss: true };
    for (const tcpOptions of [mss(1200), Uint8Array.of(1, 1), Uint8Array.of(2, 9, 9, 9)]) {
      assert.equal(sent(clamp, CONN_F_TUNNEL, tcpOptions), sent({}, CONN_F_TUNNEL, tcpOptions));
    }
    assert.equal(sent(clamp, CONN_F_MASQ, mss(1460)), sent({}, CONN_F_MASQ, mss(1460)));
    assert.match(sent({}, CONN_F_TUNNEL, mss(1460)), /020405b4$/);
  });

  test('keeps a partial checksum as it is', () => {
    bench.server(service(VIP, { clampMss: true }), A, { connFlags: CONN_F_TUNNEL });
    const packet = packetOf(tcp(CLIENT, 1001, VIP, 80, SYN, { tcpOptions: mss(1460) }));
    makePartial(packet, CLIENT, VIP, TCP, 20, 16);
    const check = packet.view.getUint16(packet.data + 36);
    bench.net.receive(packet, NF_INET_LOCAL_IN);
    const { bytes } = bench.host.sent[0]!;
    assert.equal(new DataView(bytes.buffer, bytes.byteOffset).getUint16(20 + 36), check);
  });

  test('whatever the options, checksums stay right', () => {
    bench.server(service(VIP, { clampMss: true }), A, { connFlags: CONN_F_TUNNEL });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(60_000), (tcpOptions, port) => {
        const [bytes] = bench.send(tcp(CLIENT, port, VIP, 80, SYN, { tcpOptions }));
        assert.ok(read(bytes!, 20, 20).good);
      }),
    );
  });
});
