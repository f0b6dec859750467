/** UDP: checksums of every kind, lengths, and how long connections stay. */
import { ascii, filler } from '../../support/bytes.js';
import { ACK, SYN, udp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { type Ip, type Method, server, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';
const STATS = 'ipvsadm -Ln --stats';

/** Datagrams whose checksum or length is special. */
function checksums(ip: Ip, method: Method): ScenarioFile {
  const story = new Story(
    `udp_checksums_${method}${ip}`,
    'UDP checksums: right, none, wrong, left to the card; odd and lying lengths',
    service(ip, 'udp', method),
  );
  const flow = new Flow(ip, 5000, 1, serverPort(method));
  const kinds = {
    right: {},
    none: { noChecksum: true },
    wrong: { badChecksum: true },
    'no data': { data: ascii('') },
    'odd length': { data: ascii('x') },
    'length says less': { data: filler(20), udpLength: 18 },
    'length says more': { data: filler(20), udpLength: 60 },
    'length 0': { udpLength: 0 },
  };
  for (const [note, options] of Object.entries(kinds)) {
    story.send('client', flow.askUdp(options), note);
    if (method === 'nat') story.send('rs1', flow.answerUdp(options), `answer, ${note}`);
  }
  story.send('client', flow.askUdp(), 'checksum left to the card', { offload: true });
  if (method === 'nat') story.send('rs1', flow.answerUdp(), 'answer, left to the card', { offload: true });
  return story.dump(LIST).wait(3).dump(STATS).end();
}

/** Data for which the checksum after NAT comes out as 0, which UDP writes as 0xffff. */
function zeroSum(ip: Ip): ScenarioFile {
  const story = new Story(`udp_zero_sum_nat${ip}`, 'the translated checksum is 0', service(ip, 'udp', 'nat'));
  const flow = new Flow(ip, 5000);
  for (const offload of [false, true]) {
    const ask = dataFor((data) => flow.askUdpAfterNat({ data }));
    const answer = dataFor((data) => flow.answerUdpAfterNat({ data }));
    story.send('client', flow.askUdp({ data: ask }), 'towards the server', { offload });
    story.send('rs1', flow.answerUdp({ data: answer }), 'towards the client', { offload });
    story.send('client', flow.askUdp({ data: dataFor((data) => flow.askUdp({ data })) }), 'before NAT', {
      offload,
    });
  }
  return story.end();
}

/** Two octets that bring the checksum of the datagram made by `make` to 0xffff, which stands for 0. */
function dataFor(make: (data: Uint8Array) => Uint8Array): Uint8Array {
  const packet = make(Uint8Array.of(0, 0));
  const at = packet[0]! >>> 4 === 6 ? 40 : 20;
  const sum = (packet[at + 6]! << 8) | packet[at + 7]!;
  return Uint8Array.of(sum >>> 8, sum & 255);
}

/** How long a connection stays after its last packet. */
function timeouts(ip: Ip, set?: string): ScenarioFile {
  const name = set === undefined ? `udp_timeout${ip}` : `udp_timeout${ip}_set`;
  const story = new Story(
    name,
    'a UDP connection ends after silence in both directions',
    service(ip, 'udp', 'nat'),
  );
  const idle = set === undefined ? 300 : 40;
  if (set !== undefined) story.ipvsadm(set).dump('ipvsadm -L --timeout');
  const [asks, answered] = [new Flow(ip, 5000), new Flow(ip, 5001)];
  story.send('client', asks.askUdp()).send('client', answered.askUdp()).dump(LIST);
  story.wait(idle / 2).send('rs1', answered.answerUdp(), 'an answer starts the time anew');
  for (const wait of [idle / 2 - 5, idle / 4, idle / 4, idle / 4]) story.wait(wait).dump(LIST);
  return story.end();
}

/** A changed timeout reaches an existing connection with its next packet. */
function setLater(): ScenarioFile {
  const story = new Story('udp_timeout_changed', '--set while connections exist', service(4, 'udp', 'nat'));
  const [a, b] = [new Flow(4, 5000), new Flow(4, 5001)];
  story.send('client', a.askUdp()).send('client', b.askUdp()).ipvsadm('--set 0 0 20');
  story.wait(1).send('client', b.askUdp(), 'meets the new timeout').dump(LIST);
  story.wait(30).dump(LIST).ipvsadm('--set 0 0 300').wait(225).dump(LIST).wait(100).dump(LIST);
  return story.end();
}

/** UDP through each method, there and, with NAT, back. */
function plain(ip: Ip, method: Method, serverIp: Ip = ip): ScenarioFile {
  const name = serverIp === ip ? `fwd_udp${ip}_${method}_two` : `fwd_udp${ip}_tun_over${serverIp}`;
  const rules = service(ip, 'udp', method, { servers: 2, serverIp });
  const story = new Story(name, 'two clients and two servers', rules);
  for (const [port, n] of [
    [5000, 2],
    [5001, 1],
    [5000, 2],
  ] as const) {
    const flow = new Flow(ip, port, n, serverPort(method));
    story.send('client', flow.askUdp());
    if (method === 'nat') story.send(`rs${n}`, flow.answerUdp());
  }
  return story.dump(LIST, 'ipvsadm -Ln').wait(3).dump(STATS).end();
}

/** A datagram from a server that nobody asked, and one to a port without service. */
function strangers(ip: Ip): ScenarioFile {
  const story = new Story(`udp_strangers${ip}`, 'datagrams of no connection', service(ip, 'udp', 'nat'));
  const flow = new Flow(ip, 5000);
  story.send('rs1', flow.answerUdp(), 'nobody asked');
  story.send('client', udp(flow.client, 5000, vip(ip), 81, { data: ascii('x') }), 'no service at this port');
  story.send('client', flow.ask(SYN), 'no TCP service').send('client', flow.ask(ACK));
  story
    .send('client', flow.askUdp())
    .send('rs1', udp(server(ip), 9999, flow.client, 5000), 'from another port');
  story.send('rs2', udp(server(ip, 2), 8080, flow.client, 5000), 'from another server');
  return story.dump(LIST).end();
}

export const UDP_SCENARIOS: readonly ScenarioFile[] = [
  ...([4, 6] as const).flatMap((ip) => [
    ...(['nat', 'dr', 'tun'] as const).flatMap((method) => [checksums(ip, method), plain(ip, method)]),
    zeroSum(ip),
    timeouts(ip),
    timeouts(ip, '--set 0 0 40'),
    strangers(ip),
  ]),
  plain(4, 'tun', 6),
  plain(6, 'tun', 4),
  setLater(),
];
