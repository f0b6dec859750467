/** Fragments: the director puts datagrams together, and cuts them again. */
import { filler } from '../../support/bytes.js';
import { frag4, frag6, icmp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { type Ip, type Method, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';

function cut(packet: Uint8Array, size: number, id = 7): Uint8Array[] {
  return packet[0]! >>> 4 === 6 ? frag6(packet, size, id) : frag4(packet, size);
}

/** Orders and gaps in which the pieces of a datagram come. */
function orders(ip: Ip, method: Method, serverIp: Ip = ip): ScenarioFile {
  const name = serverIp === ip ? `odd_frag_${method}${ip}` : `odd_frag_${ip}in${serverIp}`;
  const story = new Story(
    name,
    'a datagram in three pieces, in several orders',
    service(ip, 'udp', method, { serverIp }),
  );
  const flow = new Flow(ip, 5000, 1, serverPort(method));
  const pieces = (id: number): Uint8Array[] => cut(flow.askUdp({ data: filler(100), df: false, id }), 40, id);
  const all: Record<string, readonly number[]> = {
    'in order': [0, 1, 2],
    backwards: [2, 1, 0],
    'one twice': [0, 1, 1, 2],
    'without the middle': [0, 2],
    'without the first': [1, 2],
  };
  Object.entries(all).forEach(([note, order], i) => {
    const parts = pieces(100 + i);
    for (const at of order) story.send('client', parts[at]!, `${note}: piece ${at}`);
  });
  if (method === 'nat') {
    for (const part of cut(flow.answerUdp({ data: filler(100), df: false, id: 200 }), 56, 200))
      story.send('rs1', part, 'answer');
  }
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Pieces that overlap, are empty, are cut at odd places or come too late. */
function malformed(ip: Ip): ScenarioFile {
  const story = new Story(
    `odd_frag_malformed${ip}`,
    'pieces that do not fit together',
    service(ip, 'udp', 'nat'),
  );
  const flow = new Flow(ip, 5000);
  const datagram = (id: number): Uint8Array => flow.askUdp({ data: filler(100), df: false, id });
  const [coarse, fine] = [cut(datagram(1), 64, 1), cut(datagram(1), 40, 1)];
  for (const part of [coarse[0]!, fine[1]!, fine[2]!]) story.send('client', part, 'overlapping');
  const tiny = cut(datagram(2), 8, 2);
  for (const part of tiny.slice(0, 3)) story.send('client', part, 'eight octets each, incomplete');
  const late = cut(datagram(3), 64, 3);
  story.send('client', late[0]!, 'the first of two').wait(ip === 4 ? 31 : 61);
  story.send('client', late[1]!, 'the second, too late').wait(40);
  const odd = cut(datagram(4), 60, 4);
  for (const part of odd) story.send('client', part, 'cut at no multiple of eight');
  return story.dump(LIST).linger(70).end();
}

/** A TCP segment and an echo request in pieces. */
function others(ip: Ip): ScenarioFile {
  const story = new Story(
    `odd_frag_tcp_icmp${ip}`,
    'TCP and echo requests in pieces',
    service(ip, 'tcp', 'nat'),
  );
  const flow = new Flow(ip, 5000);
  const send = (packet: Uint8Array, id: number, note: string): void => {
    for (const part of cut(packet, 40, id)) story.send('client', part, note);
  };
  send(flow.ask(2, { data: filler(70), df: false, id: 11 }), 11, 'SYN with data');
  send(flow.ask(16, { data: filler(70), df: false, id: 12 }), 12, 'ACK with data');
  send(
    icmp(flow.client, vip(ip), ip === 4 ? 8 : 128, 0, 0x10001, filler(70), { df: false, id: 13 }),
    13,
    'echo request',
  );
  return story.dump(LIST).end();
}

/** Pieces that are each too large for the servers' link. */
function small(method: Method): ScenarioFile {
  const story = new Story(
    `odd_frag_small_${method}4`,
    'pieces larger than the next link',
    service(4, 'udp', method),
  );
  story.setup('ip link set s0 mtu 576');
  const flow = new Flow(4, 5000, 1, serverPort(method));
  for (const part of cut(flow.askUdp({ data: filler(1000), df: false, id: 9 }), 800, 9))
    story.send('client', part);
  return story.dump(LIST).end();
}

export const FRAGMENTS: readonly ScenarioFile[] = [
  ...([4, 6] as const).flatMap((ip) => [
    ...(['nat', 'dr', 'tun'] as const).map((method) => orders(ip, method)),
    malformed(ip),
    others(ip),
  ]),
  orders(4, 'tun', 6),
  orders(6, 'tun', 4),
  small('nat'),
  small('tun'),
];
