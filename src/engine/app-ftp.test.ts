import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NullHost } from '../../bench/support/null-host.js';
import { ascii } from '../../test/support/bytes.js';
import { packetOf } from '../../test/support/packet-of.js';
import { ACK, csum, FIN, PSH, pseudo, RST, SYN, type TcpOptions, tcp } from '../../test/support/packets.js';
import { IpvsError } from '../errors.js';
import { AF_INET, type InetAddr, inetToString, parseInet } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { completeChecksum } from '../wire/partial-checksum.js';
import { type App, type AppPacket, manglePayload, registerApp, unregisterApp } from './app.js';
import { CONN_F_DROUTE, CONN_F_MASQ, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import type { Route } from './host.js';
import { Net, type NetOptions } from './net.js';
import { NF_ACCEPT, NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_STOLEN } from './verdict.js';

const CLIENT = '10.1.0.10';
const VIP = '10.1.0.100';
const SERVER = '10.2.0.11';
const TCP_HEADERS = 40;

/** Every address is beyond one link; keeps what leaves. */
class Wire extends NullHost {
  readonly sent: { bytes: Uint8Array; hop: string }[] = [];
  override route(daddr: InetAddr): Route {
    return {
      local: false,
      ifindex: 3,
      mtu: 1500,
      mtuLearnt: false,
      source: parseInet('10.2.0.1')!,
      nextHop: daddr,
    };
  }
  override transmit(p: Packet, route: Route): void {
    this.sent.push({ bytes: finished(p), hop: inetToString(route.nextHop) });
  }
}

function finished(p: Packet): Uint8Array {
  completeChecksum(p);
  return p.payload().slice();
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(TCP_HEADERS));
const word = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

/** Both checksums of an IPv4 TCP packet are right, and its length is what its header says. */
function assertWhole(bytes: Uint8Array): void {
  const dotted = (at: number): string => [...bytes.subarray(at, at + 4)].join('.');
  assert.equal(csum(bytes.subarray(0, 20)), 0, 'IP checksum');
  assert.equal(new DataView(bytes.buffer, bytes.byteOffset).getUint16(2), bytes.length, 'total length');
  const segment = bytes.subarray(20);
  const head = pseudo(dotted(12), dotted(16), IPPROTO_TCP, segment.length);
  assert.equal(csum(Uint8Array.of(...head, ...segment)), 0, 'TCP checksum');
}

class Director {
  readonly host = new Wire([]);
  readonly net: Net;

  constructor(options: Partial<NetOptions> = {}) {
    this.net = new Net({ host: this.host, random: () => 7, connLimit: 64, ...options });
  }

  service(port: number, method = CONN_F_MASQ): this {
    const id = { family: AF_INET, protocol: IPPROTO_TCP, addr: parseInet(VIP)!, port, fwmark: 0 } as const;
    this.net.ipvs.addService({ ...id, schedName: 'rr', peName: '', flags: 0, timeout: 0, netmask: -1 });
    const tunnel = { tunType: 0, tunPort: 0, tunFlags: 0 };
    this.net.ipvs.addDest(id, {
      ...tunnel,
      addr: parseInet(SERVER)!,
      port,
      connFlags: method,
      weight: 1,
      uThreshold: 0,
      lThreshold: 0,
    });
    return this;
  }

  /** What leaves when the client sends this; undefined when nothing does. */
  client(cport: number, port: number, flags: number, o: TcpOptions = {}): Uint8Array | undefined {
    const p = packetOf(tcp(CLIENT, cport, VIP, port, flags, o));
    p.ifindex = 2;
    this.host.sent.length = 0;
    const verdict = this.net.receive(p, NF_INET_LOCAL_IN);
    assert.ok(verdict === NF_STOLEN || verdict === NF_ACCEPT || verdict === NF_DROP);
    return this.host.sent[0]?.bytes;
  }

  server(port: number, cport: number, flags: number, o: TcpOptions = {}): Uint8Array | undefined {
    const p = packetOf(tcp(SERVER, port, CLIENT, cport, flags, o));
    p.ifindex = 3;
    return this.net.receive(p, NF_INET_FORWARD) === NF_ACCEPT ? finished(p) : undefined;
  }

  open(cport: number, port: number): this {
    this.client(cport, port, SYN, { seq: 1000 });
    this.server(port, cport, SYN | ACK, { seq: 5000, ack: 1001 });
    this.client(cport, port, ACK, { seq: 1001, ack: 5001 });
    return this;
  }

  get conns(): string[] {
    const { entries } = this.net.ipvs.listConns(0, 100);
    return entries
      .map((r) => `${r.clientPort} ${r.virtualPort} ${r.destAddress}:${r.destPort} ${r.state}`)
      .sort();
  }
}

describe('applications', () => {
  it('are listed with their ports and the connections bound to them, the newest first', () => {
    const d = new Director({ ftpPorts: [21, 0, 2121] }).service(21);
    assert.equal(
      d.net.ipvs.proc('ip_vs_app'),
      'prot port    usecnt name\nTCP  2121    0      ftp              \nTCP  21      0      ftp              \n',
    );
    d.open(4000, 21);
    assert.match(d.net.ipvs.proc('ip_vs_app'), /^TCP {2}21 {6}1 {6}ftp {14}$/m);
  });

  it('are FTP on port 21 when nothing is said', () => {
    assert.deepEqual(
      new Director().net.ipvs.appList.map((i) => [i.app.name, i.protocol, i.port]),
      [['ftp', IPPROTO_TCP, 21]],
    );
  });

  it('take no more than eight FTP ports, and each of them once', () => {
    for (const ftpPorts of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [21, 21], [65_536], [-1], [2.5]]) {
      assert.throws(
        () => new Director({ ftpPorts }),
        (e: unknown) => e instanceof IpvsError && e.code === 'INVALID',
      );
    }
  });

  it('need a protocol with ports', () => {
    const { ipvs } = new Director().net;
    assert.throws(() => registerApp(ipvs, { name: 'x' }, 50, 1), /NOT_SUPPORTED|no applications/);
    registerApp(ipvs, { name: 'x' }, IPPROTO_UDP, 69);
    assert.equal(ipvs.protoData[IPPROTO_UDP]!.appcnt, 1);
  });

  it('help NAT alone', () => {
    const d = new Director().service(21, CONN_F_DROUTE).open(4000, 21);
    assert.equal(d.net.ipvs.appConns.size, 0);
  });

  it('leave nothing behind when their connections end', () => {
    const d = new Director().service(21).open(4000, 21);
    d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') });
    d.server(21, 4000, PSH | ACK, { seq: 5001, ack: 1007, data: ascii('227 (10,2,0,11,117,48)\r\n') });
    assert.deepEqual(
      [d.net.ipvs.appConns.size, d.net.ipvs.conntracks.live(d.net.jiffies).length, d.net.ipvs.conns.noCport],
      [1, 1, 1],
    );
    d.net.advance(3_600_000);
    const { ipvs } = d.net;
    assert.deepEqual(
      [ipvs.conns.count, ipvs.appConns.size, ipvs.conntracks.live(d.net.jiffies).length, ipvs.conns.noCport],
      [0, 0, 0, 0],
    );
    assert.equal(ipvs.appList[0]!.usecnt, 0);
  });

  it('go, and connections stay', () => {
    const d = new Director().service(21).open(4000, 21);
    unregisterApp(d.net.ipvs, d.net.ipvs.appList[0]!.app);
    assert.deepEqual([d.net.ipvs.appList.length, d.net.ipvs.protoData[IPPROTO_TCP]!.appcnt], [0, 0]);
    assert.equal(
      text(d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') })!),
      'PASV\r\n',
    );
    assert.deepEqual(d.conns, ['4000 21 10.2.0.11:21 ESTABLISHED']);
  });
});

describe("an application of the user's own", () => {
  /** Says "welcome" instead of "hi", and keeps count itself as IPVS does without tracking (`diff`). */
  const polite: App = {
    name: 'polite',
    pktOut({ packet, iph, conn }: AppPacket): boolean {
      const at = packet.data + iph.len + 20;
      if (packet.len < iph.len + 22 || packet.bytes[at] !== 104) return true;
      conn.diff = manglePayload(packet, iph, 16, at, 2, ascii('welcome')) ?? 0;
      return true;
    },
    pktIn: ({ packet, iph }) => packet.bytes[packet.data + iph.len + 20] !== 33,
  };

  const talk = (): Director => {
    const d = new Director();
    registerApp(d.net.ipvs, polite, IPPROTO_TCP, 7);
    return d.service(7).open(4000, 7);
  };

  it('may change a length: sequence numbers and acknowledgements behind it follow, checksums are right', () => {
    const d = talk();
    const changed = d.server(7, 4000, PSH | ACK, { seq: 5001, ack: 1001, data: ascii('hi all') })!;
    assert.equal(text(changed), 'welcome all');
    assertWhole(changed);
    const acked = d.client(4000, 7, ACK, { seq: 1001, ack: 5012 })!;
    assert.equal(word(acked, 28), 5007);
    assertWhole(acked);
    const next = d.server(7, 4000, PSH | ACK, { seq: 5007, ack: 1001, data: ascii('x') })!;
    assert.equal(word(next, 24), 5012);
    assertWhole(next);
  });

  it('may drop a packet', () => {
    const d = talk();
    assert.equal(d.client(4000, 7, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('!') }), undefined);
    assert.notEqual(d.client(4000, 7, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('?') }), undefined);
  });

  it('never sees a packet with a wrong checksum', () => {
    const d = talk();
    assert.equal(
      d.client(4000, 7, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('?'), badChecksum: true }),
      undefined,
    );
  });
});

describe('FTP', () => {
  const control = (): Director => new Director().service(21).open(4000, 21);

  it('passive: the server listens, the reply names the virtual address, and the client is expected there', () => {
    const d = control();
    d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') });
    const reply = d.server(21, 4000, PSH | ACK, {
      seq: 5001,
      ack: 1007,
      data: ascii('227 (10,2,0,11,117,48)\r\n'),
    })!;
    assert.equal(text(reply), '227 (10,1,0,100,117,48)\r\n');
    assertWhole(reply);
    assert.deepEqual(d.conns, ['0 30000 10.2.0.11:30000 LISTEN', '4000 21 10.2.0.11:21 ESTABLISHED']);
    d.client(4001, 30_000, SYN);
    assert.equal(d.host.sent[0]?.hop, SERVER);
    assert.deepEqual(d.conns, ['4000 21 10.2.0.11:21 ESTABLISHED', '4001 30000 10.2.0.11:30000 SYN_RECV']);
  });

  it('passive: what comes behind the longer reply is renumbered in both directions', () => {
    const d = control();
    d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') });
    d.server(21, 4000, PSH | ACK, { seq: 5001, ack: 1007, data: ascii('227 (10,2,0,11,117,48)\r\n') });
    const acked = d.client(4000, 21, ACK, { seq: 1007, ack: 5026 })!;
    assert.equal(word(acked, 28), 5025);
    assertWhole(acked);
    const next = d.server(21, 4000, PSH | ACK, { seq: 5025, ack: 1007, data: ascii('226 ok\r\n') })!;
    assert.equal(word(next, 24), 5026);
    assertWhole(next);
  });

  it('active: the client listens, and the server is expected from its data port', () => {
    const d = control();
    d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PORT 10,1,0,10,117,48\r\n') });
    assert.deepEqual(d.conns, ['30000 20 10.2.0.11:20 LISTEN', '4000 21 10.2.0.11:21 ESTABLISHED']);
    const syn = d.server(20, 30_000, SYN)!;
    assert.deepEqual([...syn.subarray(12, 16)], [10, 1, 0, 100]);
    assertWhole(syn);
  });

  it('is only understood while the connection is established', () => {
    const d = new Director().service(21);
    d.client(4000, 21, SYN);
    d.client(4000, 21, FIN | ACK, { seq: 1001, ack: 5001, data: ascii('PORT 10,1,0,10,117,48\r\n') });
    assert.equal(d.conns.length, 1);
  });

  it('a data connection keeps its control connection', () => {
    const d = control();
    d.client(4000, 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PORT 10,1,0,10,117,48\r\n') });
    d.client(4000, 21, RST | ACK, { seq: 1024, ack: 5001 });
    d.net.advance(30_000);
    assert.deepEqual(d.conns, ['30000 20 10.2.0.11:20 LISTEN', '4000 21 10.2.0.11:21 CLOSE']);
    d.net.advance(300_000);
    assert.deepEqual(d.conns, []);
  });

  it('is the same on another port that the helper is on', () => {
    const d = new Director({ ftpPorts: [2121] }).service(2121).open(4000, 2121);
    d.client(4000, 2121, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') });
    const data = ascii('227 (10,2,0,11,117,48)\r\n');
    const reply = d.server(2121, 4000, PSH | ACK, { seq: 5001, ack: 1007, data })!;
    assert.equal(text(reply), '227 (10,1,0,100,117,48)\r\n');
    assertWhole(reply);
    const acked = d.client(4000, 2121, ACK, { seq: 1007, ack: 5026 })!;
    assert.equal(word(acked, 28), 5025);
  });
});
