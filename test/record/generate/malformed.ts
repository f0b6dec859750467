/** What nobody should send: odd options, chains of extension headers, fragments of unequal sizes, addresses that are nobody's. */
import { ascii, concat, filler } from '../../support/bytes.js';
import {
  ACK,
  AH,
  addr,
  frag4,
  frag6,
  ICMP6,
  icmp,
  icmpError,
  ip6,
  pack,
  SYN,
  sctp,
  TCP,
  tcp,
  UDP,
  udp,
} from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, director, endpoint, type Ip, server, service, vip } from './place.js';
import { Story } from './story.js';

const CONNS = 'ipvsadm -Lnc';
const ROUTING = 43;
const FRAGMENT = 44;
const NONE = 59;
const DEST = 60;

/** IPv4 options that end early, are too short, or are labels that this host does not know. */
function labels(): ScenarioFile {
  const story = new Story('odd_option_labels4', 'options that the director must not forward as they are', [
    ...service(4, 'tcp', 'nat'),
    ...service(4, 'udp', 'dr'),
  ]);
  const options: Record<string, readonly number[]> = {
    'nothing but zeros after the end': [0, 255, 255, 255],
    'router alert': [0x94, 4, 0, 0],
    'router alert, too short': [0x94, 3, 0, 0],
    'label, too short': [0x86, 4, 0, 0],
    'label of a domain that is not defined': [0x86, 10, 0, 0, 0, 1, 1, 4, 0, 0],
    'two labels': [0x86, 8, 0, 0, 0, 1, 0, 0, 0x86, 8, 0, 0, 0, 1, 0, 0],
  };
  Object.entries(options).forEach(([note, bytes], i) => {
    const flow = new Flow(4, 5000 + i);
    const o = { options: Uint8Array.from(bytes) };
    story.send('client', flow.ask(SYN, o), note).send('client', flow.askUdp(o), note);
  });
  return story.dump(CONNS).end();
}

/** Cuts an IPv4 packet into pieces of the given sizes, and a last one of what is left. */
function pieces4(packet: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const octets = frag4(packet, 8);
  const out: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, Number.POSITIVE_INFINITY]) {
    const parts = octets.slice(at / 8, Math.min(octets.length, (at + size) / 8));
    at += size;
    if (parts.length > 0) out.push(joined4(parts));
  }
  return out;
}

/** Neighbouring fragments as one. */
function joined4(parts: readonly Uint8Array[]): Uint8Array {
  const last = parts[parts.length - 1]!;
  const whole = concat(parts[0]!.subarray(0, 20), ...parts.map((part) => part.subarray(20)));
  const view = new DataView(whole.buffer);
  view.setUint16(2, whole.length);
  view.setUint8(6, (view.getUint8(6) & 0xdf) | (last[6]! & 0x20));
  view.setUint16(10, 0);
  let sum = 0;
  for (let o = 0; o < 20; o += 2) sum += view.getUint16(o);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return whole;
}

/** Fragments of unequal sizes: small ones end up in one buffer, so that they are cut elsewhere on the way out. */
function unequal(): ScenarioFile {
  const story = new Story('odd_frag_unequal4', 'fragments of unequal sizes, small and large', [
    ...service(4, 'tcp', 'nat'),
    ...service(4, 'udp', 'dr'),
  ]);
  const flow = new Flow(4, 5000);
  let id = 100;
  for (const sizes of [
    [8, 40],
    [32, 16],
    [8, 8, 8, 40],
    [40, 128],
    [512, 64],
    [64, 512],
  ]) {
    // enough for all of them and one more
    const o = { data: filler(sizes.reduce((sum, size) => sum + size, 100)), df: false };
    for (const part of pieces4(flow.ask(SYN, { ...o, id: id++ }), sizes)) story.send('client', part);
    for (const part of pieces4(flow.askUdp({ ...o, id: id++ }), sizes)) story.send('client', part);
    for (const part of pieces4(flow.answer(ACK, { ...o, id: id++ }), sizes)) story.send('rs1', part);
  }
  return story.dump(CONNS).end();
}

/** Fragments that end within SCTP's header, which NAT has to write. */
function pulled(): ScenarioFile {
  const name = `--sctp-service ${endpoint(vip(6), 80)}`;
  const story = new Story(
    'odd_frag_pulled6',
    'first fragments that end within the header that NAT rewrites',
    [`-A ${name} -s rr`, `-a ${name} -r ${endpoint(server(6), 8080)} -m`],
  );
  let id = 1;
  for (const size of [8, 16, 24]) {
    const ask = sctp(client(6), 5000, vip(6), 80, ['init']);
    for (const part of frag6(ask, size, id++)) story.send('client', part, `${size} octets each`);
    const answer = sctp(server(6), 8080, client(6), 5000, ['initAck']);
    for (const part of frag6(answer, size, id++)) story.send('rs1', part, `${size} octets each`);
  }
  return story.dump(CONNS).end();
}

/** A routing header that ends in a later fragment: what is to be cut again has to have its headers in one piece. */
function splitHeaders(): ScenarioFile {
  const story = new Story('odd_frag_headers6', 'extension headers that are spread over fragments', [
    ...service(6, 'udp', 'dr'),
    ...service(6, 'tcp', 'nat'),
  ]);
  const source = client(6);
  const routing = (next: number): Uint8Array =>
    concat(Uint8Array.of(next, 4, 0, 0, 0, 0, 0, 0), addr(server(6)), addr(server(6)));
  let id = 1;
  for (const size of [16, 48]) {
    const datagram = udp(source, 5000, vip(6), 80, { data: filler(30) }).subarray(40);
    const segment = tcp(source, 5000, vip(6), 80, SYN, { data: filler(30) }).subarray(40);
    const packets = [
      ip6(source, vip(6), ROUTING, concat(routing(UDP), datagram)),
      ip6(source, vip(6), ROUTING, concat(routing(TCP), segment)),
    ];
    for (const packet of packets) {
      for (const part of frag6(packet, size, id++)) story.send('client', part, `${size} octets each`);
    }
  }
  return story.dump(CONNS).end();
}

/** DF on fragments stays in mind when they are put together and go into a tunnel, also into one of the other family. */
function fragmentsWithDf(): ScenarioFile {
  const service = '-u 10.1.0.100:80';
  const story = new Story('fwd_mtu_fragments_df', 'fragments with DF, reassembled and tunnelled', [
    `-A ${service} -s rr`,
    `-a ${service} -r ${server(4, 1)}:80 -i`,
    `-a ${service} -r ${endpoint(server(6, 2), 80)} -i`,
  ]).sysctl({ pmtu_disc: 0 });
  [true, false].forEach((df, i) => {
    for (const [j, port] of [5000, 5001].entries()) {
      const whole = new Flow(4, port).askUdp({ data: filler(3000), df: false, id: 10 * i + j + 1 });
      for (const part of frag4(whole, 1400)) {
        const piece = part.slice();
        if (df) {
          const view = new DataView(piece.buffer);
          view.setUint8(6, view.getUint8(6) | 0x40);
          const check = view.getUint16(10);
          view.setUint16(10, check >= 0x4000 ? check - 0x4000 : check + 0xbfff);
        }
        story.send('client', piece, df ? 'DF' : 'no DF');
      }
    }
  });
  return story.dump(CONNS).end();
}

/** An extension header of `units` times eight bytes more than eight. */
const header = (next: number, rest: readonly number[]): Uint8Array =>
  Uint8Array.of(next, (rest.length + 2) / 8 - 1, ...rest);
const PADDING = [1, 4, 0, 0, 0, 0];
const options = (next: number): Uint8Array => header(next, PADDING);
const fragment = (next: number, at: number, id: number): Uint8Array =>
  pack([8, next], [8, 0], [16, at], [32, id]);
const authentication = (next: number): Uint8Array =>
  concat(Uint8Array.of(next, 4, 0, 0), pack([32, 99], [32, 5]), filler(12));

/** Chains of extension headers as they come, and as they are after reassembly. */
function chains(): ScenarioFile {
  const story = new Story('odd_ext_chains6', 'extension headers in orders that no host sends', [
    ...service(6, 'tcp', 'dr'),
  ]);
  const source = client(6);
  const send = (note: string, next: number, ...parts: readonly Uint8Array[]): void => {
    story.send('client', ip6(source, vip(6), next, concat(...parts)), note);
  };
  const segment = (port: number): Uint8Array => tcp(source, port, vip(6), 80, SYN).subarray(40);
  const other = udp(source, 6000, vip(6), 99, { data: ascii('abc') }).subarray(40);
  send('authentication before TCP', AH, authentication(TCP), segment(5000));
  send('authentication, cut short', AH, authentication(TCP).subarray(0, 20));
  send('fragment header before options', FRAGMENT, fragment(0, 0, 1), options(UDP), other);
  send('fragment header behind options', DEST, options(FRAGMENT), fragment(UDP, 0, 2), other);
  send('two fragment headers', FRAGMENT, fragment(FRAGMENT, 0, 3), fragment(UDP, 0, 4), other);
  send(
    'two fragment headers before TCP',
    FRAGMENT,
    fragment(FRAGMENT, 0, 5),
    fragment(TCP, 0, 6),
    segment(5001),
  );
  send(
    'authentication in the first fragment',
    FRAGMENT,
    fragment(AH, 1, 7),
    authentication(TCP).subarray(0, 16),
  );
  send('nothing behind authentication', FRAGMENT, fragment(AH, 1, 8), authentication(NONE));
  send('a later fragment that looks like TCP', FRAGMENT, fragment(TCP, 0x101, 9), segment(5000), filler(3));
  send(
    'a later fragment of options',
    FRAGMENT,
    fragment(DEST, 0x101, 10),
    options(TCP),
    segment(5000),
    filler(3),
  );
  return story.dump(CONNS).end();
}

/** Options in extension headers that this host knows, or refuses. */
function options6(): ScenarioFile {
  const story = new Story('odd_ext_options6', 'hop-by-hop and destination options', service(6, 'tcp', 'nat'));
  const source = client(6);
  const cases: Record<string, readonly number[]> = {
    'router alert': [5, 2, 0, 0, 1, 0],
    'router alert, too long': [5, 4, 0, 0, 0, 0],
    'jumbo payload, no jumbogram': [0xc2, 4, 0, 0, 1, 0],
    'jumbo payload, but a length': [0xc2, 4, 0, 1, 0, 0],
    'jumbo payload, not aligned': [0, 0xc2, 4, 0, 1, 0],
    'security label': [7, 4, 0, 0, 0, 0],
    telemetry: [1, 0, 0x31, 2, 0, 0],
    'telemetry, not aligned': [0x31, 4, 0, 0, 0, 0],
    'home address': [1, 2, 0, 0, 0xc9, 16, ...addr('fd00:1::77')],
    'eight unknown ones': Array(8).fill([0x1e, 0]).flat().concat(PADDING),
    'nine unknown ones': Array(9).fill([0x1e, 0]).flat().concat([1, 2, 0, 0]),
  };
  let port = 5000;
  for (const [note, bytes] of Object.entries(cases)) {
    for (const kind of [0, DEST]) {
      const unknown = udp(source, 6000, vip(6), 99, { data: ascii('abc') }).subarray(40);
      const segment = tcp(source, port++, vip(6), 80, SYN).subarray(40);
      story
        .send('client', ip6(source, vip(6), kind, concat(header(UDP, bytes), unknown)), note)
        .send('client', ip6(source, vip(6), kind, concat(header(TCP, bytes), segment)), note);
    }
  }
  return story.dump(CONNS).end();
}

/** ICMPv6 errors that are fragments, or quote what is no IPv6 packet. */
function errors6(): ScenarioFile {
  const story = new Story('icmp_malformed6', 'ICMPv6 errors that no host sends', service(6, 'udp', 'nat'));
  const flow = new Flow(6, 5000);
  story.send('client', flow.askUdp());
  const seen = flow.askUdpAfterNat();
  const wrong = Uint8Array.of(0xf0, ...seen.subarray(1));
  const offload = { offload: true };
  story.send('rs1', icmpError(server(6), client(6), 1, 4, seen), 'good', offload);
  story.send('rs1', icmpError(server(6), client(6), 1, 4, wrong), 'about version 15', offload);
  const error = icmpError(server(6), client(6), 1, 4, seen).subarray(40);
  for (const at of [0, 1, 0x101]) {
    const cut = concat(fragment(ICMP6, at, 7), error, filler(at === 0 ? 0 : 3));
    story.send('rs1', ip6(server(6), client(6), FRAGMENT, cut), `fragment header ${at}`);
  }
  return story.wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Errors that quote later fragments, in which ports are where data should be. */
function quotedFragments(): ScenarioFile {
  const story = new Story('icmp_quotes_fragments4', 'errors about fragments', [
    ...service(4, 'tcp', 'nat'),
    ...service(4, 'udp', 'dr'),
  ]);
  const flow = new Flow(4, 5000);
  story.send('client', flow.ask(SYN)).send('client', flow.askUdp());
  for (const [off, mf] of [
    [0, true],
    [40, true],
    [40, false],
  ] as const) {
    const note = `offset ${off}${mf ? ', more to come' : ''}`;
    const o = { off, mf, df: false };
    const error = (about: Uint8Array): Uint8Array => icmpError(flow.client, vip(4), 11, 1, about);
    story.send('client', error(flow.answerAfterNat(ACK, o)), `TCP, ${note}`);
    story.send('client', error(flow.answerUdpAfterNat(o)), `UDP, ${note}`);
  }
  return story.wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Sources and destinations that are reserved, groups or shared. */
function addresses(ip: Ip): ScenarioFile {
  const six = ip === 6 ? '-6 ' : '';
  const mark = `-f 5${ip === 6 ? ' -6' : ''}`;
  const story = new Story(`odd_addresses${ip}`, 'addresses that are reserved, groups or shared', [
    ...service(ip, 'udp', 'dr'),
    `-A ${mark} -s rr`,
    `-a ${mark} -r ${endpoint(server(ip, 2), 80)} -g`,
  ]).setup(
    `ip ${six}rule add fwmark 5 lookup 100`,
    `ip ${six}route add local ${ip === 4 ? 'default' : '::/0'} dev lo table 100`,
  );
  const data = ascii('abc');
  const ask = (from: string, to: string, port: number): Uint8Array => udp(from, 5000, to, port, { data });
  const [sources, targets] =
    ip === 4
      ? [
          ['240.0.0.1', '10.1.0.255'],
          ['224.0.0.1', '240.0.0.9', '10.1.0.255'],
        ]
      : [
          ['fd00:1::', '2002:a01:9::1'],
          ['ff02::1', 'fd00:1::', 'fd00:2::'],
        ];
  for (const from of sources) {
    story.send('client', ask(from, vip(ip), 80)).send('client', ask(from, vip(ip), 99));
    story.send('client', tcp(from, 5000, vip(ip), 99, SYN));
  }
  for (const to of targets) {
    story
      .send('client', ask(client(ip), to, 99))
      .send('client', ask(client(ip), to, 80), 'marked', { mark: 5 });
    story.send('client', tcp(client(ip), 5000, to, 99, SYN));
    story.send('client', icmp(client(ip), to, ip === 4 ? 8 : 128, 0, 0x70001, data));
  }
  return story.dump(CONNS).end();
}

/** Port zero is the port of a fwmark service: such packets have templates of their own. */
function markedPortZero(ip: Ip): ScenarioFile {
  const mark = `-f 5${ip === 6 ? ' -6' : ''}`;
  const story = new Story(
    `persist_mark_port_zero${ip}`,
    'a persistent fwmark service and packets to port 0',
    [
      ...service(ip, 'udp', 'dr'),
      `-A ${mark} -s rr -p 100`,
      `-a ${mark} -r ${endpoint(server(ip, 1), 8080)} -g`,
      `-a ${mark} -r ${endpoint(server(ip, 2), 8080)} -g`,
    ],
  );
  for (const [i, port] of [0, 80, 0, 443, 0].entries()) {
    const packet = udp(client(ip), 5000 + i, vip(ip), port, { data: ascii('abc') });
    story.send('client', packet, `to port ${port}`, { mark: 5 });
  }
  return story.dump(CONNS, 'cat /proc/net/ip_vs_conn').end();
}

/** A tunnel's dest becomes an address of the director: an error tells the MTU of the way to oneself. */
function localMtu(): ScenarioFile {
  const name = '-u 10.1.0.100:80';
  const local = `-r ${endpoint(director(4), 80)}`;
  const story = new Story(
    'icmp_tunnel_local_mtu',
    'an error about a tunnel, for a connection to the director itself',
    [`-A ${name} -s rr`, `-a ${name} -r ${server(4)}:80 -i`, `-a ${name} ${local} -m`],
  );
  story.send('client', new Flow(4, 5000).askUdp()).send('client', new Flow(4, 5001).askUdp());
  for (const port of [5000, 5001]) {
    const inner = new Flow(4, port).askUdp({ ttl: 63 });
    const about = concat(
      pack([8, 0x45], [8, 0], [16, 20 + inner.length], [16, 0], [16, 0x4000], [8, 63], [8, 4], [16, 0]),
      addr(director(4)),
      addr(server(4)),
      inner,
    );
    story.send('rs1', icmpError(server(4), director(4), 3, 4, about, { info: 1400 }), `${port}`);
  }
  return story.dump(CONNS).end();
}

export const MALFORMED: readonly ScenarioFile[] = [
  labels(),
  unequal(),
  pulled(),
  splitHeaders(),
  fragmentsWithDf(),
  chains(),
  options6(),
  errors6(),
  quotedFragments(),
  addresses(4),
  addresses(6),
  markedPortZero(4),
  markedPortZero(6),
  localMtu(),
];
