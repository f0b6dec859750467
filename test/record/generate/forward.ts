/** Forwarding: TTL and hop limit, MTU, header fields of tunnels, options and extension headers. */
import { ascii, concat, filler } from '../../support/bytes.js';
import { ACK, ip4, ip6, PSH, SYN, TCP, tcp, UDP } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, type Ip, type Method, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';

/** A method, the family of the service and that of the real server. */
type Way = readonly [Method, Ip, Ip];
const WAYS: readonly Way[] = [
  ['nat', 4, 4],
  ['nat', 6, 6],
  ['dr', 4, 4],
  ['dr', 6, 6],
  ['tun', 4, 4],
  ['tun', 4, 6],
  ['tun', 6, 4],
  ['tun', 6, 6],
];

const nameOf = ([method, ip, serverIp]: Way): string =>
  method === 'tun' ? `${ip}in${serverIp}` : `${method}${ip}`;

function begin(
  topic: string,
  way: Way,
  about: string,
  protocol: 'tcp' | 'udp' = 'tcp',
): { story: Story; flow: Flow } {
  const [method, ip, serverIp] = way;
  const rules = service(ip, protocol, method, { serverIp });
  const story = new Story(`fwd_${topic}_${nameOf(way)}`, about, rules);
  return { story, flow: new Flow(ip, 5000, 1, serverPort(method)) };
}

/** Packets whose time is nearly up, in both directions. */
function ttl(way: Way): ScenarioFile {
  const { story, flow } = begin('ttl', way, 'TTL or hop limit 255, 64, 2, 1 and 0');
  story.send('client', flow.ask(SYN)).send('rs1', flow.answer(SYN | ACK));
  for (const value of [255, 64, 2, 1, 0]) {
    story.send('client', flow.ask(ACK | PSH, { ttl: value, data: ascii('ask') }), `TTL ${value}`);
    if (way[0] === 'nat')
      story.send('rs1', flow.answer(ACK | PSH, { ttl: value, data: ascii('ok') }), `TTL ${value}`);
  }
  story.send('client', new Flow(way[1], 5001).ask(SYN, { ttl: 1 }), 'a first packet with TTL 1');
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Packets around the MTU of the link to the servers, which is made small to keep packets small. */
function mtu(way: Way, topic: 'mtu' | 'mtu_nodisc' | 'mtu_tiny' = 'mtu'): ScenarioFile {
  const [method, ip, serverIp] = way;
  const { story, flow } = begin(topic, way, 'packets just below and above what fits');
  const limit = smallMtu(way, topic === 'mtu_tiny');
  story.setup(`ip link set s0 mtu ${limit}`);
  if (topic === 'mtu_nodisc') story.sysctl({ pmtu_disc: 0 });
  const outer = method === 'tun' ? (serverIp === 4 ? 20 : 40) : 0;
  const header = (ip === 4 ? 20 : 40) + 20;
  const fits = limit - outer - header;
  story.send('client', flow.ask(SYN));
  for (const length of [fits, fits + 1]) {
    for (const df of ip === 4 ? [true, false] : [true]) {
      story.send(
        'client',
        flow.ask(ACK, { data: filler(length), df }),
        `${length + header} octets${df ? ', DF' : ''}`,
      );
    }
  }
  if (method === 'nat') {
    story.shell(`ip link set c0 mtu ${limit}`);
    story.send('rs1', flow.answer(ACK, { data: filler(fits + 1) }), "too large for the clients' link");
  }
  return story.dump(LIST).end();
}

/** The least that IPv6 works with is 1280; in a tunnel over IPv6 there has to be as much inside. */
function smallMtu([method, ip, serverIp]: Way, tiny: boolean): number {
  if (method === 'tun' && serverIp === 6 && !tiny) return 1320;
  return ip === 6 || serverIp === 6 ? 1280 : 576;
}

/** What a tunnel's outer header takes over from the inner one. */
function tunnelFields(way: Way): ScenarioFile {
  const { story, flow } = begin('fields', way, 'TOS, ECN, DF, flow label and TTL with a tunnel');
  story.send('client', flow.ask(SYN));
  for (const tos of [0x10, 0xb8, 0x01, 0x02, 0x03, 0xff])
    story.send('client', flow.ask(ACK, { tos }), `TOS ${tos}`);
  if (way[1] === 4) {
    story
      .send('client', flow.ask(ACK, { df: false }), 'without DF')
      .send('client', flow.ask(ACK, { id: 0 }), 'ID 0');
  } else {
    story.send('client', flow.ask(ACK, { flow: 0xabcde }), 'flow label');
  }
  return story.send('client', flow.ask(ACK, { ttl: 200 }), 'TTL 200').end();
}

/** IPv4 options: record route, timestamp, router alert, and some that are wrong. */
function options4(way: Way): ScenarioFile {
  const { story, flow } = begin('options', way, 'IPv4 options', 'udp');
  const kinds: Record<string, number[]> = {
    'record route': [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    'record route, full': [7, 7, 8, 1, 2, 3, 4, 0],
    timestamp: [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    'router alert': [148, 4, 0, 0],
    'no operation': [1, 1, 1, 1],
    unknown: [0x5e, 4, 1, 2],
    'length 0': [7, 0, 4, 0],
    'length beyond the header': [7, 40, 4, 0],
    'loose source route': [131, 7, 4, 10, 1, 0, 9, 0],
  };
  for (const [note, option] of Object.entries(kinds)) {
    story.send('client', flow.askUdp({ options: Uint8Array.from(option) }), note);
  }
  if (way[0] === 'nat') {
    story.send(
      'rs1',
      flow.answerUdp({ options: Uint8Array.from(kinds['record route']!) }),
      'answer, record route',
    );
  }
  return story.dump(LIST).end();
}

/** IPv6 extension headers before the transport header. */
function extensions6(way: Way): ScenarioFile {
  const { story, flow } = begin('ext', way, 'IPv6 extension headers before UDP', 'udp');
  // next header, length, a padding option of 4 octets
  const padding = (next: number): Uint8Array => Uint8Array.of(next, 0, 1, 4, 0, 0, 0, 0);
  const routing = (next: number): Uint8Array => Uint8Array.of(next, 0, 3, 0, 0, 0, 0, 0);
  const datagram = flow.askUdp().subarray(40);
  const kinds: Record<string, readonly [number, Uint8Array]> = {
    'hop by hop': [0, padding(UDP)],
    'destination options': [60, padding(UDP)],
    'hop by hop, destination options': [0, concat(padding(60), padding(UDP))],
    'routing, no segments left': [43, routing(UDP)],
    'destination options twice': [60, concat(padding(60), padding(UDP))],
    'no next header': [60, padding(59)],
    'leaves the packet': [60, Uint8Array.of(UDP, 9, 1, 4, 0, 0, 0, 0)],
    'unknown header': [200, padding(UDP)],
    'whole fragment': [44, Uint8Array.of(UDP, 0, 0, 0, 0, 0, 0, 7)],
  };
  for (const [note, [next, extra]] of Object.entries(kinds)) {
    story.send('client', ip6(client(6), vip(6), next, concat(extra, datagram)), note);
  }
  return story.dump(LIST).end();
}

/** A TCP connection, there and back. */
function conversation(way: Way): ScenarioFile {
  const { story, flow } = begin('talk', way, 'a TCP connection with data');
  const nat = way[0] === 'nat';
  story.send('client', flow.ask(SYN, { tcpOptions: Uint8Array.of(2, 4, 5, 180, 1, 3, 3, 7) }));
  if (nat) story.send('rs1', flow.answer(SYN | ACK, { ack: 1001 }));
  story.send('client', flow.ask(ACK, { seq: 1001, ack: 5001 }));
  story.send('client', flow.ask(ACK | PSH, { seq: 1001, ack: 5001, data: ascii('GET / HTTP/1.0\r\n\r\n') }));
  if (nat) story.send('rs1', flow.answer(ACK | PSH, { seq: 5001, ack: 1019, data: filler(101) }));
  story.send(
    'client',
    flow.ask(ACK, { seq: 1019, ack: 5102, badChecksum: true }),
    'a wrong checksum stays wrong',
  );
  story.send('client', flow.ask(ACK, { seq: 1019, ack: 5102 }), 'left to the card', { offload: true });
  if (nat) story.send('rs1', flow.answer(ACK, { seq: 5102 }), 'left to the card', { offload: true });
  return story.dump(LIST, 'ipvsadm -Ln').wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Packets that are not whole: cut anywhere in their headers. */
function truncated(ip: Ip): ScenarioFile {
  const story = new Story(`odd_truncated${ip}`, 'packets cut in their headers', [
    ...service(ip, 'tcp', 'nat'),
    ...service(ip, 'udp', 'nat'),
  ]);
  const header = ip === 4 ? ip4 : ip6;
  const flow = new Flow(ip, 5000);
  const at = ip === 4 ? 20 : 40;
  const [segment, datagram] = [flow.ask(SYN).subarray(at), flow.askUdp().subarray(at)];
  for (const length of [0, 1, 3, 4, 7, 8, 13, 14, 19]) {
    story.send(
      'client',
      header(client(ip), vip(ip), TCP, segment.subarray(0, length)),
      `${length} octets of TCP`,
    );
    story.send(
      'client',
      header(client(ip), vip(ip), UDP, datagram.subarray(0, length)),
      `${length} octets of UDP`,
    );
  }
  return story.dump(LIST).end();
}

/** TCP headers that lie, and combinations of flags, on an open connection. */
function tcpHeaders(ip: Ip): ScenarioFile {
  const story = new Story(`odd_tcp_headers${ip}`, 'TCP headers that lie', service(ip, 'tcp', 'nat'));
  const flow = new Flow(ip, 5000);
  story
    .send('client', flow.ask(SYN))
    .send('rs1', flow.answer(SYN | ACK))
    .send('client', flow.ask(ACK));
  for (const doff of [0, 4, 6, 15]) story.send('client', flow.ask(ACK, { doff }), `data offset ${doff}`);
  for (const doff of [0, 4, 6, 15]) {
    story.send(
      'client',
      new Flow(ip, 5001 + doff).ask(SYN, { doff }),
      `a new connection, data offset ${doff}`,
    );
  }
  story.send('client', tcp(vip(ip), 5000, vip(ip), 80, SYN), 'from the virtual address itself');
  story.send('client', tcp(client(ip), 0, vip(ip), 80, SYN), 'from port 0');
  story.send('client', tcp(client(ip), 5050, vip(ip), 0, SYN), 'to port 0');
  return story.dump(LIST).end();
}

export const FORWARD: readonly ScenarioFile[] = [
  ...WAYS.flatMap((way) => [ttl(way), conversation(way), mtu(way)]),
  ...WAYS.filter(([method]) => method === 'tun').map(tunnelFields),
  mtu(['tun', 4, 4], 'mtu_nodisc'),
  mtu(['tun', 4, 6], 'mtu_nodisc'),
  mtu(['dr', 4, 4], 'mtu_nodisc'),
  mtu(['tun', 4, 6], 'mtu_tiny'),
  mtu(['tun', 6, 6], 'mtu_tiny'),
  ...WAYS.filter(([, ip, serverIp]) => ip === 4 && serverIp === 4).map(options4),
  ...WAYS.filter(([, ip, serverIp]) => ip === 6 && serverIp === 6).map(extensions6),
  truncated(4),
  truncated(6),
  tcpHeaders(4),
  tcpHeaders(6),
];
