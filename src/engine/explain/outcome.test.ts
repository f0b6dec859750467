/** Each way that a packet can end is named as what it is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ascii } from '../../../test/support/bytes.js';
import { ExplainBench, SERVERS, VIP } from '../../../test/support/explain-bench.js';
import {
  ACK,
  FIN,
  GRE,
  icmpError,
  ip,
  ping,
  RST,
  SYN,
  TCP,
  tcp,
  UDP,
  udp,
} from '../../../test/support/packets.js';
import { AF_INET, parseInet } from '../../wire/inet.js';
import { Packet } from '../../wire/packet.js';
import { C_FLAGS } from '../conn-layout.js';
import {
  CONN_F_CARRIED,
  CONN_F_LOCALNODE,
  CONN_F_MASQ,
  SVC_F_ONEPACKET,
  SVC_F_PERSISTENT,
} from '../flags.js';
import type { Scheduler } from '../scheduler.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../verdict.js';
import { explain } from './explain.js';
import type { Explanation, Outcome } from './explanation.js';

const CLIENT = '10.9.0.10';
const syn = tcp(CLIENT, 40_000, VIP, 80, SYN);

/** A director with a service for TCP port 80 with one NAT server, where `prepare` has been. */
function bench(prepare: (b: ExplainBench) => void = () => {}, limit?: number): ExplainBench {
  const b = new ExplainBench(limit);
  b.server(b.service(TCP, 80, 'rr'), 0, CONN_F_MASQ, 1);
  prepare(b);
  return b;
}

function sysctl(name: string, value: string): (b: ExplainBench) => void {
  return ({ net }) => net.ipvs.sysctls.set(name, value);
}

/** Takes server 0 from the service on port 80. */
function removeServer({ net }: ExplainBench): void {
  const id = { family: 2, protocol: TCP, addr: parseInet(VIP)!, port: 80, fwmark: 0 } as const;
  net.ipvs.delDest(id, { addr: parseInet(SERVERS[0]!)!, port: 80 });
}

const mute: Scheduler = { name: 'mute', schedule: ({ destinations }) => destinations[0] ?? null };

const cases: [Outcome, string, () => Explanation][] = [
  ['sent', 'a new connection', () => bench().held(syn, NF_INET_LOCAL_IN)],
  [
    'reply',
    "a real server's answer",
    () => {
      const b = bench();
      b.held(syn, NF_INET_LOCAL_IN);
      return b.held(tcp(SERVERS[0]!, 80, CLIENT, 40_000, SYN | ACK), NF_INET_FORWARD);
    },
  ],
  [
    'local',
    'a service of the director itself',
    () =>
      bench((b) => b.server(b.service(TCP, 81, 'rr'), 1, CONN_F_LOCALNODE, 1)).held(
        tcp(CLIENT, 4000, VIP, 81, SYN),
        NF_INET_LOCAL_IN,
      ),
  ],
  ['not-ip', 'noise', () => bench().held(new Uint8Array(30).fill(0xff), NF_INET_LOCAL_IN)],
  ['no-service-of-family', 'no service', () => new ExplainBench().held(syn, NF_INET_LOCAL_IN)],
  [
    'protocol-not-balanced',
    'GRE',
    () => bench().held(ip(CLIENT, VIP, GRE, new Uint8Array(8)), NF_INET_LOCAL_IN),
  ],
  ['icmp', 'a ping', () => bench().held(ping(CLIENT, VIP, 1, 1), NF_INET_LOCAL_IN)],
  [
    'passing',
    'to another address',
    () => bench().held(tcp(CLIENT, 4000, '10.7.7.7', 80, SYN), NF_INET_FORWARD),
  ],
  ['no-service', 'another port', () => bench().held(tcp(CLIENT, 4000, VIP, 8080, SYN), NF_INET_LOCAL_IN)],
  ['opens-nothing', 'a late segment', () => bench().held(tcp(CLIENT, 4000, VIP, 80, ACK), NF_INET_LOCAL_IN)],
  [
    'opens-nothing',
    'a reset',
    () => bench(sysctl('sloppy_tcp', '1')).held(tcp(CLIENT, 4000, VIP, 80, RST), NF_INET_LOCAL_IN),
  ],
  [
    'drop-packet',
    'every packet',
    () => {
      const b = bench(sysctl('am_droprate', '1'));
      b.net.ipvs.sysctls.set('drop_packet', '3');
      return b.held(syn, NF_INET_LOCAL_IN);
    },
  ],
  [
    'server-removed',
    'a connection without server',
    () => {
      const b = bench();
      b.held(syn, NF_INET_LOCAL_IN);
      removeServer(b);
      return b.held(tcp(CLIENT, 40_000, VIP, 80, ACK), NF_INET_LOCAL_IN);
    },
  ],
  ['no-server', 'no server left', () => bench(removeServer).held(syn, NF_INET_LOCAL_IN)],
  [
    'port-not-served',
    'port 0 without persistence',
    () =>
      bench((b) => {
        // as services that came by synchronisation or an edit may be
        const { ipvs } = b.net;
        const id = b.service(UDP, 0, 'rr', { flags: SVC_F_PERSISTENT });
        b.server(id, 1, CONN_F_MASQ, 1);
        ipvs.findService(id)!.flags &= ~SVC_F_PERSISTENT;
      }).held(udp(CLIENT, 4000, VIP, 999), NF_INET_LOCAL_IN),
  ],
  [
    'no-persistence-data',
    'a datagram without Call-ID',
    () => {
      const b = new ExplainBench();
      const id = { family: AF_INET, protocol: UDP, addr: parseInet(VIP)!, port: 5060, fwmark: 0 } as const;
      const flags = SVC_F_PERSISTENT | SVC_F_ONEPACKET;
      b.net.ipvs.addService({ ...id, schedName: 'rr', peName: 'sip', flags, timeout: 300, netmask: -1 });
      b.server(id, 0, CONN_F_MASQ, 1);
      return b.held(udp(CLIENT, 4000, VIP, 5060, { data: ascii('no call') }), NF_INET_LOCAL_IN);
    },
  ],
  [
    'table-full',
    'the second connection of one',
    () => {
      const b = bench(() => {}, 1);
      b.held(syn, NF_INET_LOCAL_IN);
      return b.held(tcp(CLIENT, 40_001, VIP, 80, SYN), NF_INET_LOCAL_IN);
    },
  ],
  [
    'not-routed',
    'no way to the server',
    () =>
      bench(({ host }) => {
        host.routes = false;
      }).held(syn, NF_INET_LOCAL_IN),
  ],
  [
    'not-routed',
    'a packet at the end of its life',
    () => bench().held(tcp(CLIENT, 4000, VIP, 80, SYN, { ttl: 1 }), NF_INET_LOCAL_IN),
  ],
  [
    'orphan',
    'a server of its own accord',
    () => bench(sysctl('nat_icmp_send', '1')).held(tcp(SERVERS[0]!, 80, CLIENT, 5000, ACK), NF_INET_FORWARD),
  ],
  [
    'undecided',
    'a scheduler that does not say',
    () =>
      bench((b) => {
        b.net.schedulers.register(mute);
        b.server(b.service(TCP, 82, 'mute'), 1, CONN_F_MASQ, 1);
      }).held(tcp(CLIENT, 4000, VIP, 82, SYN), NF_INET_LOCAL_IN),
  ],
  [
    'sent',
    'an ICMP error that goes to the server',
    () => {
      const b = bench();
      b.held(syn, NF_INET_LOCAL_IN);
      const about = tcp(VIP, 80, CLIENT, 40_000, ACK);
      return b.held(icmpError('10.9.0.1', VIP, 3, 1, about), NF_INET_LOCAL_IN);
    },
  ],
];

describe('the outcome', () => {
  for (const [outcome, what, run] of cases) {
    test(`${outcome}: ${what}`, () => assert.equal(run().outcome, outcome));
  }
});

describe('the steps', () => {
  test('tell the look-ups in order, what was weighed, and the connection with its template', () => {
    const b = new ExplainBench();
    const web = b.service(TCP, 80, 'wlc', { flags: SVC_F_PERSISTENT });
    b.server(web, 0, CONN_F_MASQ, 3);
    b.server(web, 1, CONN_F_MASQ, 0);
    const said = b.held(syn, NF_INET_LOCAL_IN, 5);
    assert.deepEqual(
      said.steps.map(({ step }) => step),
      [
        'connection-lookup',
        'service-lookup',
        'service-lookup',
        'template-lookup',
        'scheduler',
        'connection-made',
        'connection-made',
      ],
    );
    const [, mark, own, , choice] = said.steps;
    assert.deepEqual(mark, { step: 'service-lookup', by: 'fwmark', key: 'fwmark:5', found: false });
    assert.deepEqual(own, {
      step: 'service-lookup',
      by: 'port',
      key: 'tcp:10.1.0.100:80',
      found: true,
      scheduler: 'wlc',
      persistent: true,
    });
    assert.ok(choice?.step === 'scheduler');
    assert.equal(choice.chosen, '10.2.0.11:80');
    assert.deepEqual(
      choice.servers.map(({ address, excluded, figures, chosen }) => ({
        address,
        excluded,
        figures,
        chosen,
      })),
      [
        { address: '10.2.0.12', excluded: 'quiesced', figures: { overhead: 0 }, chosen: false },
        {
          address: '10.2.0.11',
          excluded: undefined,
          figures: { overhead: 0, overheadByWeight: 0 },
          chosen: true,
        },
      ],
    );
  });

  test('tell a persistent client its template, and a reused port what ends', () => {
    const b = new ExplainBench();
    b.server(b.service(TCP, 80, 'rr', { flags: SVC_F_PERSISTENT }), 0, CONN_F_MASQ, 1);
    b.held(syn, NF_INET_LOCAL_IN);
    const said = b.held(tcp(CLIENT, 40_001, VIP, 80, SYN), NF_INET_LOCAL_IN);
    const template = said.steps.find((s) => s.step === 'template-lookup');
    assert.ok(template?.step === 'template-lookup' && template.found);
    assert.equal(
      said.steps.some(({ step }) => step === 'scheduler'),
      false,
    );
  });

  test('tell where FTP data and all ports are looked for', () => {
    const b = new ExplainBench();
    for (const port of [21, 0]) {
      b.server(b.service(TCP, port, 'rr', { flags: SVC_F_PERSISTENT }), 0, CONN_F_MASQ, 1);
    }
    const ways = (bytes: Uint8Array) =>
      b.held(bytes, NF_INET_LOCAL_IN).steps.flatMap((s) => (s.step === 'service-lookup' ? [s.by] : []));
    assert.deepEqual(ways(tcp(CLIENT, 4000, VIP, 5000, SYN)), ['port', 'ftp']);
    assert.deepEqual(ways(tcp(CLIENT, 4001, VIP, 500, SYN)), ['port', 'any-port']);
  });
});

describe('FTP through NAT', () => {
  /** A director with FTP, a control connection, and its last sequence numbers. */
  function control(): ExplainBench {
    const b = new ExplainBench();
    b.server(b.service(TCP, 21, 'rr', { flags: SVC_F_PERSISTENT }), 0, CONN_F_MASQ, 1);
    b.held(tcp(CLIENT, 40_000, VIP, 21, SYN, { seq: 999 }), NF_INET_LOCAL_IN);
    b.held(tcp(SERVERS[0]!, 21, CLIENT, 40_000, SYN | ACK, { seq: 4999, ack: 1000 }), NF_INET_FORWARD);
    b.held(tcp(CLIENT, 40_000, VIP, 21, ACK, { seq: 1000, ack: 5000 }), NF_INET_LOCAL_IN);
    return b;
  }
  const said = (text: string, seq: number, ack: number) => ({ data: ascii(text), seq, ack });

  test('a passive reply is rewritten, and the data connection that it opens is found', () => {
    const b = control();
    b.held(tcp(CLIENT, 40_000, VIP, 21, ACK, said('PASV\r\n', 1000, 5000)), NF_INET_LOCAL_IN);
    const reply = '227 Entering Passive Mode (10,2,0,11,20,0).\r\n';
    const passive = b.held(
      tcp(SERVERS[0]!, 21, CLIENT, 40_000, ACK, said(reply, 5000, 1006)),
      NF_INET_FORWARD,
    );
    assert.equal(passive.outcome, 'reply');
    assert.ok(passive.steps.some(({ step }) => step === 'connection-made'));
    const data = b.held(tcp(CLIENT, 40_001, VIP, 5120, SYN), NF_INET_LOCAL_IN);
    assert.equal(data.sent[0]!.packet.destinationPort, 5120);
    assert.equal(
      data.steps.some(({ step }) => step === 'service-lookup'),
      false,
      'the connection is known',
    );
  });

  test('an active command makes the connection that the server will open', () => {
    const b = control();
    const port = b.held(
      tcp(CLIENT, 40_000, VIP, 21, ACK, said('PORT 10,9,0,10,20,1\r\n', 1000, 5000)),
      NF_INET_LOCAL_IN,
    );
    assert.ok(port.steps.some(({ step }) => step === 'connection-made'));
    assert.equal(b.held(tcp(SERVERS[0]!, 20, CLIENT, 5121, SYN), NF_INET_FORWARD).outcome, 'reply');
  });
});

test('a connection that the fast path carries stays with it', () => {
  const b = bench();
  b.held(syn, NF_INET_LOCAL_IN);
  const { ipvs } = b.net;
  const asked: string[] = [];
  const told = (what: string) => () => void asked.push(what);
  ipvs.fastPath = {
    used: told('used'),
    replay: told('replay'),
    settle: told('settle'),
    withdraw: told('withdraw'),
    ended: told('ended'),
    fold: told('fold'),
    carried: () => undefined,
  };
  ipvs.conns.hot[C_FLAGS] = ipvs.conns.hot[C_FLAGS]! | CONN_F_CARRIED;
  const p = new Packet(256);
  p.load(tcp(CLIENT, 40_000, VIP, 80, FIN | ACK));
  p.ifindex = 2;
  const said = explain(b.net, p, NF_INET_LOCAL_IN);
  assert.equal(said.outcome, 'sent');
  assert.deepEqual(asked, ['settle'], 'it is only asked how the connection is');
});
